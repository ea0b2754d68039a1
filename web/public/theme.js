// Runs before the first paint so that a dark screen never flashes white; a file, because inline scripts are forbidden.
;(() => {
  let chosen = 'auto'
  try {
    chosen = localStorage.getItem('vueuse-color-scheme') ?? 'auto'
  } catch {
    // Storage may be forbidden; the system's choice is used then.
  }
  const dark = chosen === 'dark' || (chosen === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.toggle('dark', dark)
})()
