import { onScopeDispose } from 'vue'
import { openLive } from './live'

/** Tells of people that others have decided about; without a stream it asks now and then. */
export function usePeopleNews(onChange: () => unknown): void {
  const live = openLive({
    url: '/api/v1/events?topics=people',
    names: ['person.changed'],
    onEvent: onChange,
    poll: onChange,
    pollEvery: 15_000,
  })
  onScopeDispose(live.close)
}
