import { createRouter, createWebHistory } from 'vue-router'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: { name: 'orders' } },
    { path: '/sign-in', name: 'sign-in', component: () => import('@/pages/SignIn.vue') },
    { path: '/orders', name: 'orders', component: () => import('@/pages/Orders.vue') },
    { path: '/orders/:number', name: 'order', component: () => import('@/pages/Order.vue'), props: true },
    { path: '/imports', name: 'imports', component: () => import('@/pages/Imports.vue') },
    {
      path: '/imports/:id(\\d+)',
      name: 'import',
      component: () => import('@/pages/Import.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
    },
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
