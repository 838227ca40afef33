// The bookmarklet opens this from the page one is looking at, and hands that page over: only the window that
// opened this one is heard, only with the token it was just given, only once, and only about its own origin.
const LARGEST = 10_000_000;
const WORDS = {
  en: ["Waiting for the page …", "Read in OneSeek. You can close this window.", "Open OneSeek in a tab of this browser, and press the bookmark again.", "The page is larger than 10 MB; save it and drop the file in OneSeek."],
  sv: ["Väntar på sidan …", "Läses i OneSeek. Du kan stänga det här fönstret.", "Öppna OneSeek i en flik i den här webbläsaren och tryck på bokmärket igen.", "Sidan är större än 10 MB; spara den och släpp filen i OneSeek."],
};
const [waiting, taken, alone, large] = WORDS[navigator.language.startsWith("sv") ? "sv" : "en"];
const token = crypto.randomUUID();
let open = true;

function tell(words) {
  document.querySelector("#said").textContent = words;
}

function allowed({ source, origin, data }) {
  if (!open || source !== opener || data?.token !== token) return false;
  return URL.canParse(data.address) && new URL(data.address).origin === origin;
}

function hand({ address, title, html }) {
  if (String(html).length > LARGEST) return tell(large);
  const channel = new BroadcastChannel("oneseek-handed-over");
  const late = setTimeout(() => tell(alone), 3000);
  channel.onmessage = () => (clearTimeout(late), tell(taken));
  channel.postMessage(JSON.stringify({ address, title: String(title), html: String(html) }));
}

addEventListener("message", (event) => {
  if (!allowed(event)) return;
  open = false;
  hand(event.data);
});
tell(waiting);
opener?.postMessage({ oneseek: token }, "*");
