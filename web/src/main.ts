import ui from '@nuxt/ui/vue-plugin'
import { createApp } from 'vue'
import App from './App.vue'
import { firstLanguage, i18n, useLanguage } from './i18n'
import { router } from './router'
import './style.css'

await useLanguage(firstLanguage())
createApp(App).use(router).use(i18n).use(ui).mount('#app')
