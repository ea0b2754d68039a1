import ui from '@nuxt/ui/vue-plugin'
import { createApp } from 'vue'
import { takeArrival } from './api/arrival'
import App from './App.vue'
import { firstLanguage, i18n, useLanguage } from './i18n'
import { makeRouter } from './router'
import './style.css'

const arrival = takeArrival()
await useLanguage(firstLanguage())
createApp(App, { arrival }).use(makeRouter()).use(i18n).use(ui).mount('#app')
