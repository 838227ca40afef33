// The lab's texts, in both languages.
const WORDS = {
  en: {
    other: "Svenska",
    title: "OneSeek Lab",
    lab: "Lab",
    example: "Example",
    own: "your own",
    share: "Copy a link",
    shared: "A link that holds the program was copied.",
    share_here: "The address of this page holds the program now; copy it from there.",
    by_link: "This program came by a link. It can read nothing of your chats. Nothing runs before you press Run.",
    bad_link: "This link holds no program. The first example is shown instead.",
    program: "Program",
    runs_on: "Runs on",
    all: "all three",
    numpy: "numpy",
    cpu: "processor",
    webgpu: "graphics chip",
    run: "Run",
    wait: "Pause",
    go_on: "Resume",
    step: "Step",
    end: "Stop",
    starting: "Python is starting …",
    ready: "Ready",
    running: (device) => `Running on ${device} …`,
    waiting: (step) => `Waiting after step ${step}`,
    done: "Done",
    ended: "Stopped",
    broken: (reason) => `Python could not start (${reason}). Your chats are safe. Load the page again.`,
    at_line: (line, error) => `Line ${line}: ${error}`,
    output: "Output",
    loss: "Loss",
    curve: (count) => `The loss of ${count} steps of training on each device`,
    figures: "Figures of each device",
    device: "Device",
    steps_done: "Steps",
    first: "First loss",
    last: "Last loss",
    difference: "Off numpy",
    ms: "ms a step",
    made: "What the compiler made",
    nothing_yet: "Run the program to see its steps.",
    summary: (steps, used, least) => `${steps} steps; ${used} in buffers, of which ${least} are in use at the worst moment`,
    steps: "Steps",
    part: "Part",
    forward: "forward",
    backward: "backward",
    update: "update",
    does: "Step",
    makes: "Makes",
    line: "Line",
    buffers: "Buffers over time",
    buffers_label: (count) => `${count} stretches of memory from left to right by step, from bottom to top by address`,
    buffer: (names, first, last, size) => `${names}: steps ${first} to ${last}, ${size}`,
    kernel: "Kernel",
    kernel_of: (step, op) => `of step ${step}, ${op}`,
    choose: "Choose a step to see its kernels.",
  },
  sv: {
    other: "English",
    title: "OneSeek Labb",
    lab: "Labb",
    example: "Exempel",
    own: "ditt eget",
    share: "Kopiera en länk",
    shared: "En länk med programmet i sig är kopierad.",
    share_here: "Sidans adress innehåller nu programmet; kopiera den därifrån.",
    by_link: "Programmet kom med en länk. Det kan inte läsa dina chattar. Ingenting körs förrän du trycker på Kör.",
    bad_link: "Länken innehåller inget program. Det första exemplet visas i stället.",
    program: "Program",
    runs_on: "Körs på",
    all: "alla tre",
    numpy: "numpy",
    cpu: "processorn",
    webgpu: "grafikkretsen",
    run: "Kör",
    wait: "Pausa",
    go_on: "Fortsätt",
    step: "Stega",
    end: "Stoppa",
    starting: "Python startar …",
    ready: "Klart att köra",
    running: (device) => `Körs på ${device} …`,
    waiting: (step) => `Väntar efter steg ${step}`,
    done: "Klart",
    ended: "Stoppat",
    broken: (reason) => `Python kunde inte starta (${reason}). Dina chattar är i säkerhet. Ladda om sidan.`,
    at_line: (line, error) => `Rad ${line}: ${error}`,
    output: "Utskrift",
    loss: "Förlust",
    curve: (count) => `Förlusten under ${count} träningssteg på varje enhet`,
    figures: "Siffror för varje enhet",
    device: "Enhet",
    steps_done: "Steg",
    first: "Första förlust",
    last: "Sista förlust",
    difference: "Från numpy",
    ms: "ms per steg",
    made: "Vad kompilatorn gjorde",
    nothing_yet: "Kör programmet för att se stegen.",
    summary: (steps, used, least) => `${steps} steg; ${used} i buffertar, varav ${least} används som mest på en gång`,
    steps: "Steg",
    part: "Del",
    forward: "framåt",
    backward: "bakåt",
    update: "ändring",
    does: "Steg",
    makes: "Ger",
    line: "Rad",
    buffers: "Buffertar över tid",
    buffers_label: (count) => `${count} minnesområden, från vänster till höger efter steg och nedifrån och upp efter adress`,
    buffer: (names, first, last, size) => `${names}: steg ${first} till ${last}, ${size}`,
    kernel: "Kärna",
    kernel_of: (step, op) => `till steg ${step}, ${op}`,
    choose: "Välj ett steg för att se dess kärnor.",
  },
};
let language = navigator.language.startsWith("sv") ? "sv" : "en";

export function t(name, ...given) {
  const word = WORDS[language][name];
  return typeof word === "function" ? word(...given) : word;
}

export const number = (value, digits) => value.toLocaleString(language, { maximumSignificantDigits: digits });

export function bytes(count) {
  const [size, unit] = count < 1000 ? [count, "B"] : count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${number(size, 3)} ${unit}`;
}

// The texts that stand in the markup.
export function say() {
  document.documentElement.lang = language;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  document.getElementById("language").textContent = t("other");
  document.getElementById("language").lang = language === "sv" ? "en" : "sv";
}

export function change() {
  language = language === "sv" ? "en" : "sv";
  say();
}
