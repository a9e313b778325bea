// Light, dark, or as the system has it.

import { useState } from 'react'

const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const
type Theme = keyof typeof NEXT

function stored(): Theme {
  const theme = document.documentElement.dataset.theme
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(stored)
  const next = NEXT[theme]
  return (
    <button
      type="button"
      className="quiet theme"
      aria-label={`Colours: ${theme === 'system' ? 'as the system has them' : theme}. Switch to ${next === 'system' ? 'the system’s' : next}`}
      onClick={() => {
        try {
          if (next === 'system') localStorage.removeItem('sv0-theme')
          else localStorage.setItem('sv0-theme', next)
        } catch {
          // Without storage it holds until the page is left.
        }
        if (next === 'system') delete document.documentElement.dataset.theme
        else document.documentElement.dataset.theme = next
        setTheme(next)
      }}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {theme === 'light' && <path d="M8 10.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600ZM8 1.600v1.600M8 12.800v1.600M1.600 8h1.600M12.800 8h1.600M3.500 3.500l1.100 1.100M11.400 11.400l1.100 1.100M3.500 12.500l1.100-1.100M11.400 4.600l1.100-1.100" />}
        {theme === 'dark' && <path d="M13.600 9.600A6 6 0 0 1 6.400 2.400a6 6 0 1 0 7.200 7.200Z" />}
        {theme === 'system' && <path d="M8 2a6 6 0 1 0 0 12ZM8 2a6 6 0 0 1 0 12" />}
      </svg>
    </button>
  )
}
