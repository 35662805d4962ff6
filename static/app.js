// The page: sign in, leave watches, see what became of them. Text goes in by textContent only.

const POLL_MS = 10_000;
const byId = (id) => document.getElementById(id);
let restaurants = new Map();

class Refused extends Error {}

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Refused(answer.error ?? `Error ${response.status}`), { status: response.status });
  return answer;
}

// Sends a form and shows a refusal beside it; what was typed stays.
function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const error = form.querySelector(".error");
    const button = form.querySelector("button");
    error.textContent = "";
    button.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(form)));
    } catch (problem) {
      error.textContent = problem instanceof Refused ? problem.message : "The server cannot be reached. Please try again.";
    } finally {
      button.disabled = false;
    }
  });
}

function show(user) {
  byId("welcome").hidden = Boolean(user);
  byId("home").hidden = byId("person").hidden = !user;
  byId("person-name").textContent = user?.name ?? "";
  if (user) refresh();
}

function clock(hhmm) {
  const [hour, minute] = hhmm.split(":").map(Number);
  return `${hour % 12 || 12}:${String(minute).padStart(2, "0")} ${hour < 12 ? "AM" : "PM"}`;
}

function ago(instant) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(instant)) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return new Date(instant).toLocaleString();
}

function fate(watch) {
  const words = [];
  if (watch.status === "booked") words.push(`booked ${ago(watch.booked_at)}`);
  else words.push(watch.last_scanned ? `looked ${ago(watch.last_scanned)}` : "not looked yet");
  if (watch.notified_at) words.push(`told ${ago(watch.notified_at)}`);
  if (watch.status === "active" && watch.auto_book) words.push("will be booked for you");
  return words.join(" · ");
}

function render(watches) {
  const items = watches.map((watch) => {
    const item = byId("watch").content.firstElementChild.cloneNode(true);
    const name = restaurants.get(watch.location_key)?.name ?? watch.location_key;
    const day = new Date(`${watch.target_date}T12:00`).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });
    item.querySelector("h3").textContent = name;
    item.querySelector(".when").textContent = `${day}, ${clock(watch.time_start)} – ${clock(watch.time_end)}, party of ${watch.party_size}`;
    item.querySelector(".hint").textContent = fate(watch);
    const button = item.querySelector("button");
    button.hidden = watch.status !== "active";
    button.setAttribute("aria-label", `Cancel the watch at ${name}, ${day}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await call("DELETE", `/api/watches/${watch.id}`).catch(() => {});
      refresh();
    });
    return item;
  });
  byId("watches").replaceChildren(...items);
  byId("status").textContent = watches.length ? "" : "None yet. Tables go in minutes: leave a watch.";
}

async function refresh() {
  try {
    render((await call("GET", "/api/watches?status=active,paused,booked")).watches);
  } catch (problem) {
    if (problem.status === 401) show(null);
    else byId("status").textContent = "This may be out of date: the server cannot be reached.";
  }
}

function fillRestaurants(list) {
  restaurants = new Map(list.map((place) => [place.key, place]));
  const brands = Map.groupBy ? Map.groupBy(list, (place) => place.brand) : new Map([["All", list]]);
  const groups = [...brands].map(([brand, places]) => {
    const group = document.createElement("optgroup");
    group.label = brand;
    group.append(...places.map((place) => new Option(`${place.name}, ${place.city} ${place.state}`, place.key)));
    return group;
  });
  byId("new-watch").elements.location_key.replaceChildren(...groups);
}

function showBooking() {
  const { location_key, auto_book } = byId("new-watch").elements;
  const allowed = restaurants.get(location_key.value)?.auto_book_allowed ?? false;
  if (!allowed) auto_book.checked = false;
  auto_book.disabled = !allowed;
  byId("no-booking").hidden = allowed;
  byId("booking").hidden = !auto_book.checked;
}

onSubmit(byId("sign-up"), async (fields) => show((await call("POST", "/api/auth/signup", fields)).user));
onSubmit(byId("sign-in"), async (fields) => show((await call("POST", "/api/auth/login", fields)).user));
onSubmit(byId("new-watch"), async (fields) => {
  const wish = { ...fields, party_size: Number(fields.party_size), auto_book: "auto_book" in fields };
  for (const name of ["book_first_name", "book_last_name", "book_phone"]) wish[name] ||= null;
  await call("POST", "/api/watches", wish);
  await refresh();
});
byId("sign-out").addEventListener("click", async () => {
  await call("POST", "/api/auth/logout").catch(() => {});
  show(null);
});
byId("new-watch").addEventListener("change", showBooking);
setInterval(() => document.visibilityState === "visible" && !byId("home").hidden && refresh(), POLL_MS);

const isoDay = (at) => `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
const day = byId("new-watch").elements.target_date;
day.min = isoDay(new Date());
day.value = isoDay(new Date(Date.now() + 86_400_000));
fillRestaurants((await call("GET", "/api/locations")).locations);
showBooking();
show(await call("GET", "/api/auth/me").then((answer) => answer.user, () => null));
