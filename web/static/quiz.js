/* Questions that mark themselves.

   For authors. A question is a Markdown cell of plain HTML blocks (web/AUTHORING.md
   has a sample to copy; the blank lines matter):

     <div class="quiz">              add data-predict: checking an answer then opens
                                     the output of the next cell tagged hide-output
     The question, in Markdown.

     <details><summary>A choice</summary>

     **Right.** Its reason, in Markdown.     or     **Not quite.** The reason why not.

     </details>
     ...
     </div>

   Several right choices make it "select all that apply". Without this script (in
   JupyterLab, on GitHub, with JavaScript off) each choice is a fold with its reason
   inside. Nothing is stored and nothing is sent. */

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const isRight = (fold) =>
  fold.querySelector(":scope > :not(summary)").textContent.trim().startsWith("Right.");

// One choice: a labelled input, and its reason, which stays hidden until it is due.
function readChoice(fold, type, group, index) {
  const letter = String.fromCharCode(65 + index);
  const id = `${group}-${letter}`;
  const right = isRight(fold);
  const summary = fold.querySelector("summary");
  const body = [...fold.childNodes].filter((node) => node !== summary);
  const reason = make("div", { class: "quiz-reason", "data-letter": letter }, ...body);
  reason.hidden = true;
  const input = make("input", { type, name: group, id });
  const label = make("label", { for: id, "data-letter": letter }, ...summary.childNodes);
  const mark = make("span", { class: "quiz-mark" });
  const row = make("div", { class: "quiz-choice" }, input, label, mark);
  fold.replaceWith(row);
  return { input, row, mark, reason, right };
}

function show(choice, verdict) {
  choice.row.dataset.verdict = verdict;
  choice.mark.textContent = { right: "✓ right", wrong: "✗ not quite" }[verdict] ?? "";
  choice.reason.hidden = !verdict;
}

function clear(choices, status) {
  choices.forEach((choice) => show(choice, ""));
  status.textContent = "";
}

// What the reader is told besides the reasons of what was chosen.
function verdictOf(choices) {
  const chosen = choices.filter((choice) => choice.input.checked);
  const missing = choices.filter((c) => c.right && !c.input.checked).length;
  if (!chosen.length) return { message: "Choose an answer first." };
  const wrong = chosen.some((choice) => !choice.right);
  if (wrong) return { chosen, message: "Have another go." };
  if (missing) return { chosen, message: "So far right, and there is more to select." };
  return { chosen, message: "", solved: true };
}

// The fold of the first hidden output that comes after the question.
function nextOutput(quiz) {
  const follows = (fold) =>
    quiz.compareDocumentPosition(fold) & Node.DOCUMENT_POSITION_FOLLOWING;
  return [...document.querySelectorAll("details.hide")].find(follows);
}

function check(quiz, choices, status) {
  const { chosen, message, solved } = verdictOf(choices);
  clear(choices, status);
  status.textContent = message;
  quiz.dataset.solved = Boolean(solved);
  if (!chosen) return;
  chosen.forEach((choice) => show(choice, choice.right ? "right" : "wrong"));
  const output = quiz.dataset.predict === undefined ? null : nextOutput(quiz);
  if (output) output.open = true;
  quiz.dispatchEvent(new Event("quiz-checked", { bubbles: true }));
}

function enhance(quiz, number) {
  const folds = [...quiz.querySelectorAll(":scope > details")];
  const group = `quiz-${number + 1}`;
  const several = folds.filter(isRight).length > 1;
  const question = make("div", { class: "quiz-question", id: `${group}-question` });
  while (quiz.firstChild !== folds[0]) question.append(quiz.firstChild);
  if (several) question.append(make("p", { class: "quiz-hint" }, "Select all that apply."));
  const type = several ? "checkbox" : "radio";
  const choices = folds.map((fold, index) => readChoice(fold, type, group, index));
  const predict = quiz.dataset.predict !== undefined;
  const button = make("button", { type: "button", class: "quiz-check" },
    predict ? "Check my prediction" : "Check");
  const status = make("p", { class: "quiz-status" });
  const form = make("div", {
    class: "quiz-choices", role: several ? "group" : "radiogroup",
    "aria-labelledby": question.id,
  }, ...choices.map((choice) => choice.row));
  const told = make("div", { class: "quiz-told", "aria-live": "polite" },
    status, ...choices.map((choice) => choice.reason));
  quiz.replaceChildren(question, form, button, told);
  form.addEventListener("change", () => clear(choices, status));
  button.addEventListener("click", () => check(quiz, choices, status));
}

// A running count under the last question of a section that has several.
function keepScore(section) {
  const asked = [...section.querySelectorAll(":scope > .quiz:not([data-predict])")];
  if (asked.length < 2) return;
  const score = make("p", { class: "quiz-score", role: "status" });
  asked.at(-1).after(score);
  const count = () => {
    const solved = asked.filter((quiz) => quiz.dataset.solved === "true").length;
    score.textContent = `${solved} of ${asked.length} answered right.`;
  };
  section.addEventListener("quiz-checked", count);
  count();
}

document.querySelectorAll(".quiz").forEach(enhance);
document.querySelectorAll("section").forEach(keepScore);
