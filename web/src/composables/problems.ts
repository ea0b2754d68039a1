import { useI18n } from 'vue-i18n'
import { ProblemError, UnreachableError } from '@/api/problem'

/** Any failure as a title and a sentence. */
export function useProblems() {
  const { t } = useI18n()
  const toast = useToast()

  function words(error: unknown): { title: string; detail: string } {
    if (error instanceof UnreachableError) return { title: t('problem.unreachable'), detail: t('problem.unreachable_next') }
    if (error instanceof ProblemError && error.problem.title) {
      return { title: error.problem.title, detail: error.problem.detail }
    }
    return { title: t('problem.unknown'), detail: t('problem.unknown_next') }
  }

  /** Tell of a failed action without leaving the page; an ended session has its own screen. */
  function tell(error: unknown): void {
    if (error instanceof ProblemError && error.status === 401) return
    const { title, detail } = words(error)
    toast.add({ title, description: detail, color: 'error', icon: 'i-lucide-circle-alert' })
  }

  return { words, tell }
}
