/* Fetch the JSON of graphs: few at once, told plainly if there is none. */
"use strict";

window.portal.fetchGraph = (() => {
  const { gettext, fetchPatiently, Told } = window.portal;
  const AT_ONCE = 4;
  const waiting = [];
  let running = 0;

  function next() {
    while (running < AT_ONCE && waiting.length) {
      running += 1;
      const { url, signal, resolve, reject } = waiting.shift();
      figure(url, signal).then(resolve, reject).finally(() => {
        running -= 1;
        next();
      });
    }
  }

  /* Return the figure at a URL. Throws Told with a text for the reader if there is none. */
  async function figure(url, signal) {
    const [response, content] = await fetchPatiently(url, signal);
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
