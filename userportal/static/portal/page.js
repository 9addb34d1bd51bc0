/* What every page does: tell the reader's zone, show times in it, switch the colours. */
"use strict";

window.portal = (() => {
  const root = document.documentElement;
  const gettext = window.gettext || ((text) => text);
  const ngettext = window.ngettext || ((one, many, count) => (count === 1 ? one : many));
  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
  const two = (number) => String(number).padStart(2, "0");

  function setCookie(name, value) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const seconds = value ? 31536000 : 0;
    const path = root.dataset.cookiePath || "/";
    document.cookie = `${name}=${value}; Path=${path}; Max-Age=${seconds}; SameSite=Lax${secure}`;
  }

  /* Show a Date as 2026-11-21 12:00, in the reader's zone. */
  function timeText(date) {
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
  }

  /* Show seconds as 01:02:03 or 2 d 01:02:03, as the filter `duration` of the templates does. */
  function durationText(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const rest = whole % 86400;
    const clock = [rest / 3600, (rest / 60) % 60, rest % 60].map((part) => two(Math.floor(part))).join(":");
    const days = Math.floor(whole / 86400);
    return days ? fill(gettext("%(days)s d %(clock)s"), { days: numberText(days), clock }) : clock;
  }

  function numberText(value, decimals = 0) {
    return value.toLocaleString(root.lang, { maximumFractionDigits: decimals });
  }

  /* Make an element: attributes by name, listeners by on…, the rest are children. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }

  /* Wait until nothing has been asked for a while, then do the last that was asked. */
  function debounced(action, milliseconds) {
    let timer = 0;
    return (...values) => {
      clearTimeout(timer);
      timer = setTimeout(() => action(...values), milliseconds);
    };
  }

  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    setCookie("portal_zone", zone);
    const shown = document.querySelector("[data-zone]");
    if (!shown || shown.dataset.zone === zone) return;
    // The server did not know the zone yet: this page is put right here, the next one there.
    shown.textContent = shown.dataset.zone = zone;
    for (const time of document.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      if (!Number.isNaN(date.getTime())) time.textContent = timeText(date);
    }
  }

  function announceColours() {
    document.dispatchEvent(new CustomEvent("portal:colours"));
  }

  function showTheme(theme) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    announceColours();
  }

  function offerThemes() {
    const buttons = [...document.querySelectorAll("[data-theme-choice]")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        const theme = button.dataset.themeChoice;
        setCookie("portal_theme", theme);
        showTheme(theme);
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      });
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceColours);
    // Graphs are drawn with the colours of the moment, and paper is light.
    let before = "";
    window.addEventListener("beforeprint", () => {
      before = root.dataset.theme || "";
      showTheme("light");
    });
    window.addEventListener("afterprint", () => showTheme(before));
  }

  tellZone();
  offerThemes();
  return { gettext, ngettext, fill, timeText, durationText, numberText, make, debounced };
})();
