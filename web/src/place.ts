// Where a statement stands in a pretty-printed document.

/** The lines, from 0, of what `Statement[2]` or `Statement` means in a document with two blanks a level. */
export function findPlace(json: string, path: string): { from: number; to: number } | null {
  const match = /^Statement(?:\[(\d+)\])?/.exec(path)
  if (!match) return null
  const lines = json.split('\n')
  const start = lines.findIndex((line) => /^ {2}"Statement": /.test(line))
  if (start < 0) return null
  const opener = lines[start]!.slice('  "Statement": '.length).trim()
  if (opener.startsWith('{')) return { from: start, to: end(lines, start, '  ') }
  let wanted = Number(match[1] ?? 0)
  for (let n = start + 1; n < lines.length; n++) {
    if (lines[n]!.startsWith('  ]')) return null
    if (lines[n]!.startsWith('    {')) {
      if (wanted === 0) return { from: n, to: end(lines, n, '    ') }
      wanted -= 1
    }
  }
  return null
}

/** The line that closes what was opened with this indentation. */
function end(lines: string[], from: number, indent: string): number {
  if (/[}\]],?$/.test(lines[from]!.trim()) && !/[{[]$/.test(lines[from]!.trim())) return from
  for (let n = from + 1; n < lines.length; n++) {
    if (lines[n]!.startsWith(`${indent}}`)) return n
  }
  return lines.length - 1
}
