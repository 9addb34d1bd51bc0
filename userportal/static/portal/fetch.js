/* Ask the portal for graphs and jobs: again if it is busy, and plainly told if it does not answer. */
"use strict";

/* A failure whose text is for the reader. */
window.portal.Told = class Told extends Error {};

window.portal.fetchPatiently = (() => {
  const { gettext, Told } = window.portal;
  const WAITS_MILLISECONDS = [400, 1500];
  const BUSY = [429, 502, 503, 504];

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function once(url, signal, isLast) {
    let response;
    try {
      response = await fetch(url, { signal, headers: { Accept: "application/json" }, credentials: "same-origin" });
    } catch (error) {
      if (error.name === "AbortError" || !isLast) throw error;
      throw new Told(gettext("The portal cannot be reached."));
    }
    if (BUSY.includes(response.status) && !isLast) throw new Error(String(response.status));
    return response;
  }

  /* Return [response, its JSON or null]. Throws Told where there is none to be understood. */
  async function read(response) {
    const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
    if (response.redirected && !isJson) throw new Told(gettext("The session has ended. Load the page again to log in."));
    return [response, isJson ? await response.json().catch(() => null) : null];
  }

  return async (url, signal) => {
    for (const wait of [...WAITS_MILLISECONDS, null]) {
      signal.throwIfAborted();
      try {
        return await read(await once(url, signal, wait === null));
      } catch (error) {
        if (wait === null || error instanceof Told || error.name === "AbortError") throw error;
      }
      await pause(wait);
    }
    return undefined;
  };
})();
