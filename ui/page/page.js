// What the page does by itself: keys, quotes on hover, copying, the theme, and passing clicks on to Gradio.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const question = () => $("#question textarea");
  const type = (text) => {
    const box = question();
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
    box.setSelectionRange(text.length, text.length);
  };

  const language = location.pathname.startsWith("/zh") ? "zh" : "en";
  const tellLanguage = () => {
    const tag = language === "zh" ? "zh-CN" : "en";
    if (document.documentElement.lang !== tag) document.documentElement.lang = tag;
  };
  tellLanguage();
  // Gradio sets the browser's own language, whatever this page is written in.
  new MutationObserver(tellLanguage).observe(document.documentElement, { attributeFilter: ["lang"] });
  document.cookie = `notecite_language=${language}; path=/; max-age=31536000; samesite=lax`;

  const theme = localStorage.getItem("notecite-theme");
  const paint = (dark) => document.body.classList.toggle("dark", dark);
  const whenBody = (act) => (document.body ? act() : addEventListener("DOMContentLoaded", act));
  if (theme) whenBody(() => { paint(theme === "dark"); setTimeout(() => paint(theme === "dark"), 500); });

  // Quotes

  const bubble = document.createElement("div");
  bubble.id = "quote-bubble";
  bubble.setAttribute("aria-hidden", "true");
  const hover = (event) => {
    const mark = event.target.closest?.("[data-quote]");
    if (!mark) { bubble.remove(); return; }
    bubble.textContent = mark.dataset.quote;
    document.body.append(bubble);
    const box = mark.getBoundingClientRect();
    bubble.style.left = `${Math.max(8, Math.min(box.left, innerWidth - bubble.offsetWidth - 8))}px`;
    const above = box.top - bubble.offsetHeight - 8;
    bubble.style.top = `${above > 8 ? above : box.bottom + 8}px`;
  };
  for (const name of ["mouseover", "focusin"]) document.addEventListener(name, hover);

  // Clicks that need no server

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-act]");
    if (!button) return;
    const { act } = button.dataset;
    if (act === "copy") {
      await navigator.clipboard.writeText(button.dataset.text);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1500);
    } else if (act === "edit") {
      const keptTurns = $("#kept-turns textarea, #kept-turns input");
      keptTurns.value = button.dataset.turn;
      keptTurns.dispatchEvent(new Event("input", { bubbles: true }));
      type(button.dataset.question);
    } else if (act === "dislike") {
      const form = button.closest(".reply").querySelector(".reason");
      form.hidden = !form.hidden;
      button.setAttribute("aria-expanded", String(!form.hidden));
      if (!form.hidden) form.querySelector("input").focus();
    } else if (act === "rate") {
      button.closest(".reply").querySelector(".reason").hidden = true;
      for (const thumb of button.closest(".reply").querySelectorAll(".thumb")) {
        thumb.setAttribute("aria-pressed", String((thumb.dataset.act === "dislike") === (button.dataset.liked === "no")));
      }
    } else if (act === "theme") {
      const dark = !document.body.classList.contains("dark");
      paint(dark);
      localStorage.setItem("notecite-theme", dark ? "dark" : "light");
    } else if (act === "language") {
      location.href = button.dataset.path + location.search;
    } else if (act === "tab") {
      $(`#${button.dataset.tab}-button`)?.click();
    } else if (act === "menu") {
      document.body.classList.toggle("menu-open");
    } else if (act === "close") {
      if (button.closest("#note")) button.closest(".source").hidden = true;
      else closeSource();
    } else if (act === "note") {
      $("#note .source")?.removeAttribute("hidden");
    } else if (act === "open") {
      document.body.classList.remove("menu-open");
    }
  });

  let opener = null;
  const closeSource = () => {
    document.body.classList.remove("source-open");
    opener?.isConnected && opener.focus();
  };

  // The source panel: shown when it is filled, scrolled to the marked words

  const showSource = () => {
    const mark = $("#source mark.cited") ?? $("#source mark.section");
    document.body.classList.add("source-open");
    const box = $("#source .scroll");
    if (!box) return;
    if (mark) {
      mark.id = "cited";
      const place = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTop += place - box.clientHeight / 3;
    }
    if (innerWidth < 1000) $("#source .close")?.focus({ preventScroll: true });
    for (const cite of document.querySelectorAll(".cite.current")) cite.classList.remove("current");
    const shown = $("#source .number")?.dataset;
    if (shown) $(`.turn[data-turn="${shown.turn}"] .cite[data-citation="${shown.citation}"]`)?.classList.add("current");
  };
  window.notecite = {
    act(element, event, trigger) {
      const mark = event.target.closest(".cite[data-citation]");
      if (mark) {
        opener = mark;
        const turn = mark.closest("[data-turn]")?.dataset.turn;
        if (turn !== undefined) trigger("source", { act: "cite", turn, citation: mark.dataset.citation });
        return;
      }
      const button = event.target.closest("[data-act]");
      if (!button || button.disabled) return;
      const data = { ...button.dataset };
      if (["cite", "heading", "note"].includes(data.act)) {
        opener = element.id === "source" ? opener : button;
        trigger("source", data);
      } else {
        if (data.act === "rate") data.reason = button.closest(".reason")?.querySelector("input").value ?? "";
        trigger(data.act, data);
      }
    },
    showSource,
    remember(id) {
      const address = new URL(location.href);
      if (id) address.searchParams.set("c", id);
      else address.searchParams.delete("c");
      history.replaceState(history.state, "", address);
      return id;
    },
    recalled: () => new URL(location.href).searchParams.get("c") ?? "",
  };

  // Keys

  addEventListener("keydown", (event) => {
    const inBox = event.target === question();
    if (event.key === "Enter" && event.target.closest?.(".reason")) event.target.parentElement.querySelector("button").click();
    else if (inBox && event.key === "Enter" && (event.shiftKey || event.isComposing)) event.stopImmediatePropagation();
    else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      $("#ask-button")?.click();
      // A box that is not shown yet takes no focus.
      setTimeout(() => question()?.focus(), 50);
    } else if (event.key === "Escape") {
      bubble.remove();
      if (document.body.classList.contains("menu-open")) document.body.classList.remove("menu-open");
      else if (document.body.classList.contains("source-open")) closeSource();
      else if ($("#stop:not(.hide)")?.offsetParent) $("#stop").click();
    }
  }, true);

  // Whether the server is up

  let away = null;
  const watch = async () => {
    let ok = false;
    try { ok = (await fetch("/alive", { cache: "no-store" })).ok; } catch { ok = false; }
    if (!ok && !away) {
      away = document.createElement("div");
      away.id = "away";
      away.setAttribute("role", "alert");
      away.textContent = language === "en"
        ? "The server does not answer. Waiting for it…" : "服务没有响应，正在等待它恢复……";
      document.body.append(away);
    } else if (ok && away) {
      // The open page belongs to the server process that is gone.
      location.reload();
    }
    setTimeout(watch, away ? 1000 : 4000);
  };
  setTimeout(watch, 4000);
})();
