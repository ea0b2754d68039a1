import { createRouter, createWebHistory, type Router } from 'vue-router'
import { MINI_APP_PAGE, SIGN_IN_PAGE } from './api/arrival'
import { PERMISSION } from './api/permissions'
import { useArea } from './i18n'

declare module 'vue-router' {
  interface RouteMeta {
    /** What the page is closed without. */
    needs?: string
  }
}

const orders = { needs: PERMISSION.readOrders }
const imports = { needs: PERMISSION.readImports }
const people = { needs: PERMISSION.readPeople }
const number = String.raw`(\d+)`

/** A page with the texts of its area. */
const access =
  <Page>(page: () => Promise<Page>) =>
  async (): Promise<Page> => {
    const [found] = await Promise.all([page(), useArea('access')])
    return found
  }

/** Made after the address was read and cleared (`takeArrival`): what was in it must not come back. */
export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', redirect: { name: 'orders' } },
      { path: MINI_APP_PAGE, redirect: '/' },
      { path: SIGN_IN_PAGE, name: 'sign-in', component: () => import('@/pages/SignIn.vue') },
      { path: '/orders', name: 'orders', meta: orders, component: () => import('@/pages/Orders.vue') },
      { path: '/orders/:number', name: 'order', meta: orders, component: () => import('@/pages/Order.vue'), props: true },
      { path: '/imports', name: 'imports', meta: imports, component: () => import('@/pages/Imports.vue') },
      {
        path: `/imports/:id${number}`,
        name: 'import',
        meta: imports,
        component: () => import('@/pages/Import.vue'),
        props: (route) => ({ id: Number(route.params.id) }),
      },
      { path: '/people', name: 'people', meta: people, component: access(() => import('@/pages/People.vue')) },
      {
        path: `/people/:id${number}`,
        name: 'person',
        meta: people,
        component: access(() => import('@/pages/Person.vue')),
        props: (route) => ({ id: Number(route.params.id) }),
      },
      { path: '/devices', name: 'devices', component: access(() => import('@/pages/Devices.vue')) },
      { path: '/keys', name: 'keys', meta: { needs: PERMISSION.makeKeys }, component: access(() => import('@/pages/Keys.vue')) },
      { path: '/audit', name: 'audit', meta: { needs: PERMISSION.readAudit }, component: access(() => import('@/pages/Audit.vue')) },
      { path: '/:rest(.*)*', name: 'missing', component: () => import('@/pages/Missing.vue') },
    ],
    scrollBehavior: (_to, _from, kept) => kept ?? { top: 0 },
  })

  /** After a move to another page the keyboard starts in its content, and a reader announces it. */
  router.afterEach((to, from) => {
    if (from.matched.length > 0 && to.path !== from.path) {
      requestAnimationFrame(() => document.getElementById('main')?.focus({ preventScroll: true }))
    }
  })
  return router
}
