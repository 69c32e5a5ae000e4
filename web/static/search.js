// Search: the page that is about a thing comes first, and excerpts are prose.

// Words that say nothing of what is looked for.
const asides = `am any can could did do does done from get has have how i its me my
  should so than what when where which who why with would you your`.split(/\s+/);
stopwords.push(...asides);

const stemmer = new Stemmer();
const wordsOf = (text) =>
  splitQuery(text.toLowerCase())
    .filter((word) => !stopwords.includes(word))
    .map((word) => stemmer.stemWord(word));

// How much of a title or index entry the query is: 1 if they are the same, else less;
// 0 if it lacks a word.
function share(title, wanted) {
  const words = new Set(wordsOf(title));
  const found = wanted.every((word) => words.has(word));
  return found && wanted.length ? wanted.length / words.size : 0;
}

// Results that bear what is looked for in their name, the best last.
function named(query) {
  const { alltitles, indexentries, titles, docnames, filenames } = Search._index;
  const wanted = [...new Set(wordsOf(query))];
  const found = [];
  const add = (file, name, id, score) => {
    const title = name ? `${titles[file]} > ${name}` : titles[file];
    const anchor = id ? `#${id}` : "";
    found.push([docnames[file], title, anchor, null, score, filenames[file]]);
  };
  // Pages of that name; sections that say no more; below them those that do.
  for (const [title, places] of Object.entries(alltitles)) {
    const part = share(title, wanted);
    if (!part) continue;
    for (const [file, id] of places) {
      if (!id) add(file, "", "", 4 + part);
      else add(file, title, id, part === 1 ? 3 : part);
    }
  }
  // The glossary; questions of the index; pages by how often it names them.
  const spelt = spelling(Object.keys(alltitles));
  const times = new Map();
  for (const [entry, places] of Object.entries(indexentries)) {
    const part = entry.includes("(in module ") ? 0 : share(entry, wanted);
    if (!part) continue;
    for (const [file, id] of places) {
      if (id.startsWith("term-")) add(file, spelt(entry), id, part === 1 ? 2.015 : part);
      else if (entry.endsWith("?")) add(file, spelt(entry), id, part === 1 ? 3 : part);
      else times.set(file, (times.get(file) || 0) + 1);
    }
  }
  for (const [file, count] of times) add(file, "", "", 2 + count / 100);
  return found.sort((a, b) => a[4] - b[4]);
}

// Spells what Sphinx keeps in lower case as titles spell it: NaN, KLDivLoss.
function spelling(titles) {
  const words = titles.join(" ").match(/\w+[A-Z]\w*/g);
  const known = new Map(words.map((word) => [word.toLowerCase(), word]));
  return (entry) => {
    const written = entry.replace(/\w+/g, (word) => known.get(word) || word);
    return written[0].toUpperCase() + written.slice(1);
  };
}

const inText = Search._performSearch;
Search._performSearch = (query, ...terms) => {
  const results = [...inText(query, ...terms), ...named(query)];
  // a place, or a section of one name, is listed once, where it ranks best
  const name = ([page, title, anchor]) => page + (anchor && title.toLowerCase());
  const lastTime = new Map(results.map((result, i) => [name(result), i]));
  return results.filter((result, i) => lastTime.get(name(result)) === i);
};

// An excerpt holds neither code nor the source of formulas.
const unread =
  ".headerlink, script, style, pre, .cell_input, .cell_output, .katex-html, annotation, .eqno";
Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of page.querySelectorAll(unread)) part.remove();
  const place = anchor && page.getElementById(anchor.slice(1));
  const section = (place && place.closest("section, dd, li")) || place;
  const article = section || page.querySelector("article");
  return article ? article.textContent.replace(/\s+/g, " ").trim() : "";
};
