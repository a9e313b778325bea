// What of a browser a sign-in needs: cookies, and redirects one by one.

export class Browser {
  #jars = new Map()

  jar(url) {
    const { origin } = new URL(url)
    if (!this.#jars.has(origin)) this.#jars.set(origin, new Map())
    return this.#jars.get(origin)
  }

  /** One request; redirects are not followed. */
  async ask(url, { method = 'GET', form, headers = {} } = {}) {
    const jar = this.jar(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, {
      method,
      redirect: 'manual',
      body: form && new URLSearchParams(form),
      headers: { ...headers, ...(cookie && { cookie }) },
    })
    for (const set of answer.headers.getSetCookie()) {
      const [pair, ...rest] = set.split(';')
      const [name, ...value] = pair.split('=')
      const gone = rest.some((part) => /max-age=0$|expires=thu, 01 jan 1970/i.test(part.trim()))
      if (gone) jar.delete(name)
      else jar.set(name, value.join('='))
    }
    return answer
  }

  /** Follows redirects as long as `until` does not stop it: the last answer and its address. */
  async follow(url, until = () => false) {
    for (let hops = 0; hops < 12; hops += 1) {
      if (until(url)) return { url, answer: null }
      const answer = await this.ask(url)
      const to = answer.headers.get('location')
      if (!to) return { url, answer }
      url = new URL(to, url).href
    }
    throw new Error(`too many redirects, the last to ${url}`)
  }
}

/** Signs in at the provider as somebody: the address at which it sends the browser back, not yet asked. */
export async function signIn(browser, start, who) {
  const back = (url) => new URL(url).pathname === '/login/oidc/callback'
  let at = await browser.follow(start, back)
  // The provider's own pages: who are you, and may sv0 know?
  for (let pages = 0; at.answer && pages < 3; pages += 1) {
    const page = await at.answer.text()
    const action = /action="([^"]+)"/.exec(page)?.[1]
    const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1]
    if (!action) throw new Error(`no form at ${at.url}: ${page.slice(0, 300)}`)
    const form = { prompt, ...(prompt === 'login' && { login: who, password: 'any' }) }
    const url = new URL(action, at.url).href
    const answer = await browser.ask(url, { method: 'POST', form })
    at = await browser.follow(new URL(answer.headers.get('location'), url).href, back)
  }
  return at.url
}
