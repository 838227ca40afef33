// The editor: CodeMirror with Python. It lives in a shadow root, where its own styles need no exception from the policy.
import { defaultKeymap, history, historyKeymap } from "./codemirror-commands.js";
import { bracketMatching, HighlightStyle, indentService, indentUnit, LRLanguage, syntaxHighlighting } from "./codemirror-language.js";
import { EditorState, StateEffect, StateField } from "./codemirror-state.js";
import { Decoration, EditorView, keymap, lineNumbers } from "./codemirror-view.js";
import { tags } from "./lezer-highlight.js";
import { parser } from "./lezer-python.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword, tags.definitionKeyword, tags.moduleKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)], fontWeight: "600" },
]);
const LOOK = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)", height: "100%", fontSize: "13.5px" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-line.at-fault": { backgroundColor: "var(--bad-soft)", boxShadow: "inset 3px 0 var(--bad)" },
  ".cm-line.asked": { backgroundColor: "var(--accent-soft)", boxShadow: "inset 3px 0 var(--accent)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
});
const marked = StateEffect.define();
const marks = StateField.define({
  create: () => Decoration.none,
  update(found, { changes, docChanged, effects, state }) {
    for (const effect of effects) if (effect.is(marked)) return lines(state.doc, effect.value);
    return docChanged ? found.map(changes) : found;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function lines(doc, { numbers, look }) {
  const there = numbers.filter((number) => number >= 1 && number <= doc.lines).sort((a, b) => a - b);
  return Decoration.set(there.map((number) => Decoration.line({ class: look }).range(doc.line(number).from)));
}

// As far in as the line before, and further after a colon.
const indented = indentService.of(({ state, unit }, at) => {
  const { text, from } = state.doc.lineAt(at);
  return text.match(/^ */)[0].length + (text.slice(0, at - from).trimEnd().endsWith(":") ? unit : 0);
});

// `changed` hears of what a person writes, `visited` of the line the cursor is in, `run` of Control and Enter.
export function editor(place, { label, changed, visited, run }) {
  const root = place.attachShadow({ mode: "open" });
  const heard = EditorView.updateListener.of(({ docChanged, selectionSet, state, transactions }) => {
    if (docChanged && transactions.some((one) => one.isUserEvent("input") || one.isUserEvent("delete") || one.isUserEvent("undo"))) changed();
    else if (selectionSet && !docChanged) visited(state.doc.lineAt(state.selection.main.head).number);
  });
  const extensions = [
    lineNumbers(),
    history(),
    bracketMatching(),
    indented,
    indentUnit.of("    "),
    EditorState.tabSize.of(4),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    LRLanguage.define({ name: "python", parser }),
    syntaxHighlighting(COLOURS),
    LOOK,
    marks,
    heard,
    keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }, ...defaultKeymap, ...historyKeymap]),
  ];
  const state = (doc) => EditorState.create({ doc, extensions });
  const view = new EditorView({ state: state(""), parent: root, root });
  const mark = (numbers, look) => view.dispatch({ effects: marked.of({ numbers, look }) });
  const showLine = (line, y) => {
    if (line <= view.state.doc.lines) view.dispatch({ effects: EditorView.scrollIntoView(view.state.doc.line(line).from, { y }) });
  };
  return {
    text: () => view.state.doc.toString(),
    set: (text) => view.setState(state(text)),
    asked(numbers) {
      mark(numbers, "asked");
      if (numbers.length) showLine(Math.min(...numbers), "nearest");
    },
    fault(line) {
      mark([line], "at-fault");
      showLine(line, "center");
    },
    clear: () => mark([], ""),
  };
}
