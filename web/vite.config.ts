import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Fixed names: the files are checked in to crates/server/assets, and a change of one is a change of that file.
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
      },
    },
  },
  server: { proxy: { '/api': process.env.SV0_URL ?? 'http://127.0.0.1:7010' } },
})
