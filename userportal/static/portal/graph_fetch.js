/* Fetch the JSON of graphs: few at once, tried again if a server is busy, told plainly if not. */
"use strict";

/* A failure whose text is for the reader. */
window.portal.Told = class Told extends Error {};

window.portal.fetchGraph = (() => {
  const { gettext, Told } = window.portal;
  const AT_ONCE = 4;
  const WAITS_MILLISECONDS = [400, 1500];
  const BUSY = [429, 502, 503, 504];
  const waiting = [];
  let running = 0;

  function next() {
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      const { url, signal, resolve, reject } = waiting.shift();
      tried(url, signal).then(resolve, reject).finally(() => {
        running -= 1;
        next();
      });
    }
  }

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function tried(url, signal) {
    for (const wait of [...WAITS_MILLISECONDS, null]) {
      signal.throwIfAborted();
      try {
        return await once(url, signal, wait === null);
      } catch (error) {
        if (wait === null || error instanceof Told || error.name === "AbortError") throw error;
      }
      await pause(wait);
    }
    return undefined;
  }

  async function once(url, signal, isLast) {
    let response;
    try {
      response = await fetch(url, { signal, headers: { Accept: "application/json" }, credentials: "same-origin" });
    } catch (error) {
      if (error.name === "AbortError" || !isLast) throw error;
      throw new Told(gettext("The portal cannot be reached."));
    }
    if (BUSY.includes(response.status) && !isLast) throw new Error(String(response.status));
    return understood(response);
  }

  /* Return the figure of a response. Throws Told with a text for the reader if there is none. */
  async function understood(response) {
    const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
    if (response.redirected && !isJson) throw new Told(gettext("The session has ended. Load the page again to log in."));
    const content = isJson ? await response.json().catch(() => null) : null;
    if (content?.error) throw new Told(String(content.error));
    if (!response.ok || !content) throw new Told(gettext("The portal could not make this graph."));
    return { ...content, data: Array.isArray(content.data) ? content.data : [], layout: content.layout ?? {} };
  }

  /* Return a promise of the figure at a URL. */
  return (url, signal) => new Promise((resolve, reject) => {
    waiting.push({ url, signal, resolve, reject });
    next();
  });
})();
