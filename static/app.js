// The page: sign in, leave watches, see what became of them. The session is an HttpOnly cookie that this file
// never sees, and text goes in by textContent only.

const POLL_MS = 10_000;
const WORDS_MS = 1_000;
const MAX_DAYS_AHEAD = 90;
const OUT_OF_REACH = "The server cannot be reached. Please try again.";

const byId = (id) => document.getElementById(id);
const form = byId("new-watch");
const items = new Map();
let restaurants = null;
let user = null;
let sendsMail = true;
// What becomes of automatic booking on this installation, as the server says it.
let bookingPromise = "";
let known = new Map();
let newestPoll = 0;
let clockSkew = 0;

class Refused extends Error {
  constructor(status, { error, field }) {
    super(error ?? `The server answered ${status}. Please try again.`);
    Object.assign(this, { status, field });
  }
}

async function call(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  clockSkew = Date.parse(response.headers.get("date")) - Date.now() || 0;
  return answer;
}

const sentence = (problem) => (problem instanceof Refused ? problem.message : OUT_OF_REACH);

function say(words) {
  byId("notice").textContent = words;
}

// Words

function clock(hhmm) {
  const [hour, minute] = hhmm.split(":").map(Number);
  return `${hour % 12 || 12}:${String(minute).padStart(2, "0")}\u00a0${hour < 12 ? "AM" : "PM"}`;
}

function day(iso) {
  return new Date(`${iso}T12:00`).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });
}

function ago(instant) {
  const seconds = Math.max(0, Math.round((Date.now() + clockSkew - Date.parse(instant)) / 1000));
  if (seconds < 90) return `${seconds}\u00a0s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)}\u00a0min ago`;
  return `at ${moment(instant)}`;
}

function moment(instant) {
  return new Date(instant).toLocaleString("en-US", { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
}

// The calendar day in a time zone, some days from now.
function dayIn(timezone, days = 0) {
  const at = new Date(Date.now() + clockSkew + days * 86_400_000);
  return new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" }).format(at);
}

function placeName(watch) {
  return restaurants.get(watch.location_key)?.name ?? watch.location_key;
}

function plan(watch) {
  const name = [watch.book_first_name, watch.book_last_name].filter(Boolean).join(" ");
  if (watch.note) return `${watch.note[0].toUpperCase()}${watch.note.slice(1)}.`;
  if (watch.status === "booked") return `In the name of ${name}. To change it, call the restaurant.`;
  return watch.auto_book ? `We book it for ${name}.` : "We write to you; you book.";
}

function news(watch) {
  const words = [];
  if (watch.booked_at) words.push(`booked at ${moment(watch.booked_at)}`);
  if (watch.notified_at) words.push(`told you at ${moment(watch.notified_at)}`);
  if (watch.status !== "booked") words.push(looked(watch));
  const line = words.join(" · ");
  return line.charAt(0).toUpperCase() + line.slice(1);
}

function looked(watch) {
  if (watch.status === "paused") return "paused";
  if (watch.last_scanned) return `last looked ${ago(watch.last_scanned)}`;
  const place = restaurants.get(watch.location_key);
  if (place && watch.target_date > dayIn(place.timezone, place.horizon_days)) {
    return `not looked yet: tables open ${place.horizon_days} days ahead`;
  }
  return "not looked yet";
}

// My watches: items are kept from poll to poll, so that focus stays where it is.

function makeItem(watch) {
  const item = byId("watch").content.firstElementChild.cloneNode(true);
  const name = placeName(watch);
  item.querySelector("h3").textContent = name;
  const window = `${clock(watch.time_start)} – ${clock(watch.time_end)}`;
  item.querySelector(".when").textContent = `${day(watch.target_date)}, ${window}, party of ${watch.party_size}`;
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `Cancel the watch at ${name}, ${day(watch.target_date)}, ${window}`);
  button.addEventListener("click", () => cancel(watch, button));
  return item;
}

function fill(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tellTime() {
  for (const [id, item] of items) fill(item.querySelector(".news"), news(known.get(id)));
}

function render(watches) {
  known = new Map(watches.map((watch) => [watch.id, watch]));
  for (const [id, item] of items) {
    if (known.has(id)) continue;
    item.remove();
    items.delete(id);
  }
  watches.forEach((watch, place) => {
    if (!items.has(watch.id)) items.set(watch.id, makeItem(watch));
    const item = items.get(watch.id);
    item.dataset.status = watch.status;
    fill(item.querySelector(".badge"), watch.status === "active" ? "watching" : watch.status);
    fill(item.querySelector(".plan"), plan(watch));
    item.querySelector("button").hidden = watch.status === "booked";
    const there = byId("watches").children[place];
    if (there !== item) byId("watches").insertBefore(item, there ?? null);
  });
  tellTime();
  byId("nothing").hidden = watches.length > 0;
}

function announce(watches) {
  for (const watch of watches) {
    const before = known.get(watch.id);
    if (!before) continue;
    if (watch.booked_at && !before.booked_at) say(`Booked: ${placeName(watch)}, ${day(watch.target_date)}.`);
    else if (watch.notified_at !== before.notified_at) say(`A table opened at ${placeName(watch)}: look at your mail.`);
  }
}

async function refresh() {
  const poll = ++newestPoll;
  try {
    const { watches } = await call("GET", "/api/watches?status=active,paused,booked");
    if (poll !== newestPoll) return;
    const current = watches.filter((watch) => {
      const place = restaurants.get(watch.location_key);
      return watch.status !== "booked" || !place || watch.target_date >= dayIn(place.timezone);
    });
    announce(current);
    render(current);
    if (byId("notice").textContent === OUT_OF_REACH) say("");
  } catch (problem) {
    if (poll !== newestPoll) return;
    if (problem.status === 401) {
      show(null);
      say("Your session has ended. Please sign in again.");
    } else say(sentence(problem));
  }
}

async function cancel(watch, button) {
  button.disabled = true;
  try {
    await call("DELETE", `/api/watches/${watch.id}`);
    byId("watches-title").focus();
    say(`Cancelled: ${placeName(watch)}, ${day(watch.target_date)}.`);
  } catch (problem) {
    say(sentence(problem));
    button.disabled = false;
  }
  await refresh();
}

// Forms

// Sends a form and shows a refusal beside it; what was typed stays.
function onSubmit(sent, send) {
  sent.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = sent.querySelector("button");
    const error = sent.querySelector(".error");
    error.textContent = "";
    for (const field of sent.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    button.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(sent)));
    } catch (problem) {
      error.textContent = sentence(problem);
      const field = sent.elements[problem.field];
      field?.setAttribute("aria-invalid", "true");
      field?.focus();
    } finally {
      button.disabled = false;
    }
  });
}

function option(place) {
  const name = place.name.split(" - ").at(-1);
  const where = name === place.city ? `${name}, ${place.state}` : `${name} (${place.city}, ${place.state})`;
  return new Option(place.auto_book_allowed ? where : `${where}, alerts only`, place.key);
}

function fillRestaurants(list) {
  restaurants = new Map(list.map((place) => [place.key, place]));
  const brands = new Map();
  for (const place of list) {
    const isChain = list.some((other) => other.brand === place.brand && other.key !== place.key);
    const label = isChain ? place.brand : "Other restaurants";
    brands.set(label, [...(brands.get(label) ?? []), place]);
  }
  const labels = [...brands.keys()].sort((a, b) => brands.get(b).length - brands.get(a).length || a.localeCompare(b));
  for (const label of labels) {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...brands.get(label).sort((a, b) => a.city.localeCompare(b.city)).map(option));
    form.elements.location_key.append(group);
  }
}

function whyNot(place) {
  return place.auto_book_reason ?? `${place.name} takes no automatic bookings`;
}

function fitForm() {
  const { location_key: select, auto_book: box, target_date: date } = form.elements;
  const place = restaurants.get(select.value);
  const isAllowed = place?.auto_book_allowed ?? true;
  if (!isAllowed) box.checked = false;
  box.disabled = !isAllowed;
  byId("booking").hidden = byId("booking").disabled = !box.checked;
  fill(
    byId("booking-hint"),
    isAllowed ? bookingPromise : `${whyNot(place)}: we write to you, and you book.`,
  );
  date.min = dayIn(place?.timezone);
  date.max = dayIn(place?.timezone, MAX_DAYS_AHEAD);
}

function show(person) {
  byId("welcome").hidden = Boolean(person);
  byId("home").hidden = byId("person").hidden = !person;
  byId("person-name").textContent = person?.name ?? "";
  showUnproven(person);
  if (person && person.id !== user?.id) {
    form.reset();
    render([]);
    byId("nothing").hidden = true;
    for (const key of ["first_name", "last_name", "phone"]) form.elements[`book_${key}`].value = person[key] ?? "";
    fitForm();
  }
  user = person ?? user;
}

// Until an address is confirmed, nothing is written to it.
function showUnproven(person) {
  byId("unproven").hidden = !person || person.email_verified;
  if (!person) return;
  byId("unproven-words").textContent = sendsMail
    ? `We have sent a link to ${person.email}. Until you follow it, we cannot write to you.`
    : "This installation sends no mail; whoever runs it can give you the link.";
  byId("send-again").hidden = !sendsMail;
}

function showDoor() {
  const isNew = location.hash === "#sign-up";
  byId("sign-up").hidden = !isNew;
  byId("sign-in").hidden = isNew;
}

const enter = (path) => async (fields) => {
  const { user: person } = await call("POST", path, fields);
  for (const id of ["sign-up", "sign-in"]) byId(id).reset();
  say("");
  show(person);
  await refresh();
};

onSubmit(byId("sign-up"), enter("/api/auth/signup"));
onSubmit(byId("sign-in"), enter("/api/auth/login"));
onSubmit(form, async (fields) => {
  const wish = { ...fields, party_size: Number(fields.party_size), auto_book: "auto_book" in fields };
  await call("POST", "/api/watches", wish);
  say(`Watching ${placeName(wish)}, ${day(wish.target_date)}.`);
  form.elements.auto_book.checked = false;
  fitForm();
  await refresh();
});
form.addEventListener("change", fitForm);
addEventListener("hashchange", () => {
  showDoor();
  document.querySelector("#welcome form:not([hidden]) input").focus();
});

byId("send-again").addEventListener("click", async () => {
  try {
    await call("POST", "/api/auth/verify/resend");
    say("The link is on its way.");
  } catch (problem) {
    say(sentence(problem));
    if (problem.status === 409) showUnproven(null);
  }
});

byId("sign-out").addEventListener("click", async () => {
  try {
    await call("POST", "/api/auth/logout");
  } catch (problem) {
    if (problem.status !== 401) return say(sentence(problem));
  }
  newestPoll += 1;
  show(null);
  user = null;
  form.reset();
  render([]);
  say("You are signed out.");
});

async function start() {
  try {
    const [{ locations }, config] = await Promise.all([call("GET", "/api/locations"), call("GET", "/api/config")]);
    sendsMail = config.mail;
    bookingPromise = config.auto_book.sentence;
    const me = await call("GET", "/api/auth/me").catch((problem) => {
      if (problem.status === 401) return { user: null };
      throw problem;
    });
    fillRestaurants(locations);
    showDoor();
    say("");
    show(me.user);
    if (me.user) await refresh();
  } catch (problem) {
    say(sentence(problem));
  }
}

function poll() {
  if (document.visibilityState !== "visible") return;
  if (!restaurants) start();
  else if (!byId("home").hidden) refresh();
}

setInterval(poll, POLL_MS);
setInterval(tellTime, WORDS_MS);
document.addEventListener("visibilitychange", poll);
await start();
