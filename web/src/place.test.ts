import { describe, expect, it } from 'vitest'
import { findPlace } from './place'

const pretty = (value: unknown) => JSON.stringify(value, null, 2)

describe('where a statement stands', () => {
  const json = pretty({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['a:b', 'c:d'], Condition: { Bool: { 'aws:x': 'true' } } },
      { Effect: 'Deny', Action: '*', Resource: '*' },
      {},
    ],
  })
  it('finds each of a list', () => {
    const lines = json.split('\n')
    for (const [n, effect] of [[0, 'Allow'], [1, 'Deny']] as const) {
      const place = findPlace(json, `Statement[${n}]`)!
      const text = lines.slice(place.from, place.to + 1).join('\n').replace(/,$/, '')
      expect(JSON.parse(text).Effect).toBe(effect)
    }
    expect(findPlace(json, 'Statement[2]')).toEqual({ from: lines.length - 3, to: lines.length - 3 })
  })
  it('finds one that stands alone', () => {
    const alone = pretty({ Statement: { Effect: 'Allow' }, Id: 'x' })
    expect(findPlace(alone, 'Statement')).toEqual({ from: 1, to: 3 })
  })
  it('finds nothing where there is nothing', () => {
    expect(findPlace(json, 'Statement[7]')).toBeNull()
    expect(findPlace('not json', 'Statement[0]')).toBeNull()
    expect(findPlace(json, 'Version')).toBeNull()
  })
})
