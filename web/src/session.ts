// Who looks at what.

import { createContext, useContext, useEffect } from 'react'
import { useSearchParams } from 'wouter'
import type { Meta } from './api'

export const Session = createContext<Meta | null>(null)

export function useMeta(): Meta {
  const meta = useContext(Session)
  if (!meta) throw new Error('a view outside the frame')
  return meta
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · sv0` : 'sv0'
  }, [title])
}

/** One parameter of the address, and how to change it: every view can be linked to. */
export function useParam(name: string): [string, (value: string | null) => void] {
  const [params, set] = useSearchParams()
  return [
    params.get(name) ?? '',
    (value) =>
      set((before) => {
        const next = new URLSearchParams(before)
        if (value) next.set(name, value)
        else next.delete(name)
        return next
      }),
  ]
}
