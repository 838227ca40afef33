// The bookmarklet opens this from the page one is looking at, and hands that page over. Any page can open it as well, so
// nothing is handed on before the person has seen which site asks, and said yes. Only the window that opened this one is
// heard, only with the token it was just given, only once, and only about its own origin.
const LARGEST = 10_000_000;
const MOMENT = 800; // milliseconds: the second click of a double click that began elsewhere is no answer
const WORDS = {
  en: {
    waiting: "Waiting for the page …",
    asks: "wants to give OneSeek this page:",
    note: "Say yes only if you pressed your bookmark there. Nothing has been stored.",
    yes: "Read it in OneSeek",
    no: "No",
    taken: "Read in OneSeek. You can close this window.",
    refused: "Nothing was stored. You can close this window.",
    alone: "Open OneSeek in a tab of this browser, and press the bookmark again.",
    large: "The page is larger than 10 MB; save it and drop the file in OneSeek.",
  },
  sv: {
    waiting: "Väntar på sidan …",
    asks: "vill ge OneSeek den här sidan:",
    note: "Svara ja bara om du tryckte på ditt bokmärke där. Ingenting har sparats.",
    yes: "Läs in den i OneSeek",
    no: "Nej",
    taken: "Läses i OneSeek. Du kan stänga det här fönstret.",
    refused: "Ingenting sparades. Du kan stänga det här fönstret.",
    alone: "Öppna OneSeek i en flik i den här webbläsaren och tryck på bokmärket igen.",
    large: "Sidan är större än 10 MB; spara den och släpp filen i OneSeek.",
  },
};
const language = navigator.language.startsWith("sv") ? "sv" : "en";
const words = WORDS[language];
const token = crypto.randomUUID();
const find = (id) => document.getElementById(id);
let open = true;

function tell(text) {
  find("question").hidden = true;
  find("said").textContent = text;
}

function allowed({ source, origin, data }) {
  if (!open || source !== opener || data?.token !== token) return false;
  return URL.canParse(data.address) && new URL(data.address).origin === origin;
}

function ask(origin, page) {
  for (const name of ["asks", "note", "yes", "no"]) find(name).textContent = words[name];
  find("origin").textContent = origin;
  find("title").textContent = page.title;
  find("yes").onclick = () => hand(page);
  find("no").onclick = () => (tell(words.refused), close());
  find("question").hidden = false;
  find("said").textContent = "";
  addEventListener("focus", hesitate);
  hesitate();
}

function hesitate() {
  find("yes").disabled = true;
  setTimeout(() => (find("yes").disabled = false), MOMENT);
}

function hand(page) {
  const channel = new BroadcastChannel("oneseek-handed-over");
  const late = setTimeout(() => tell(words.alone), 3000);
  find("yes").disabled = true;
  channel.onmessage = () => (clearTimeout(late), tell(words.taken));
  channel.postMessage(JSON.stringify(page));
}

addEventListener("message", (event) => {
  if (!allowed(event)) return;
  open = false;
  const { address, title, html } = event.data;
  const page = { address, title: String(title).slice(0, 200), html: String(html) };
  page.html.length > LARGEST ? tell(words.large) : ask(event.origin, page);
});
document.documentElement.lang = language;
tell(words.waiting);
opener?.postMessage({ oneseek: token }, "*");
