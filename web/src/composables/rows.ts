/**
 * A click anywhere in a table row follows the row's link. The link itself stays an ordinary one for the
 * keyboard, for screen readers and for "open in a new tab"; marking text or pressing another control is no click.
 */
export function followRow(event: MouseEvent): void {
  const target = event.target as Element
  const link = target.closest('tr')?.querySelector<HTMLAnchorElement>('a.row-link')
  if (!link || target.closest('a, button, input, label, summary') || getSelection()?.toString()) return
  if (event.ctrlKey || event.metaKey) open(link.href, '_blank', 'noopener')
  else link.click()
}
