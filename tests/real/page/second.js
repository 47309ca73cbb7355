"use strict";

const PICTURES = 60;

function picture(number) {
	return new Promise((resolve, reject) => {
		const image = new Image();
		image.onload = () => resolve(image.naturalWidth === number + 1);
		image.onerror = () => reject(new Error(`picture ${number}`));
		image.src = `/pictures/${number}.png`;
		document.getElementById("pictures").append(image);
	});
}

async function pictures() {
	const good = await Promise.all(Array.from({ length: PICTURES }, (_, n) => picture(n)));
	seen.pictures = good.filter(Boolean).length;
}

function style() {
	seen.color = getComputedStyle(document.getElementById("styled")).color;
}

async function post() {
	const body = JSON.stringify({ list: [1, 2, 3], text: "ä€😀" });
	const headers = { "Content-Type": "application/json" };
	const answer = await fetch("/flask/echo", { method: "POST", headers, body });
	const { list, text } = await answer.json();
	seen.post = JSON.stringify({ list, text }) === body;
}

async function methods() {
	const seenMethods = [];
	for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]) {
		const answer = await fetch("/flask/any?n=1", { method });
		seenMethods.push((await answer.text()).split(" ")[0]);
	}
	seen.methods = seenMethods.join(" ");
}

async function redirected() {
	const answer = await fetch("/flask/redirect/302");
	seen.redirected = answer.redirected && (await answer.text()) === "GET after 0\n";
}

async function cookies() {
	await fetch("/flask/cookies/30");
	const told = await (await fetch("/flask/cookies/0")).json();
	seen.cookies = Object.keys(told).length;
}

async function zipped() {
	const answer = await fetch("/flask/zipped");
	seen.zipped = (await answer.text()).length;
}

// Under a name that is not in the cache: of what is there Chromium makes a range by itself.
async function ranged() {
	const answer = await fetch("/browser.css?again", { headers: { Range: "bytes=0-6" } });
	seen.ranged = `${answer.status} ${await answer.text()}`;
}

// Each event is made when the one before was acknowledged.
function events() {
	return new Promise((resolve, reject) => {
		const source = new EventSource("/flask/events/browserevent/5");
		let count = 0;
		source.onmessage = (event) => {
			count++;
			fetch(`/flask/note/browserevent.${event.lastEventId}`, { method: "POST" });
		};
		source.addEventListener("end", () => {
			source.close();
			seen.events = count;
			resolve();
		});
		source.addEventListener("fault", () => reject(new Error("events")));
	});
}

async function all() {
	const parts = [style, pictures, post, methods, redirected, cookies, zipped, ranged, events];
	const ended = await Promise.allSettled(parts.map(async (part) => part()));
	seen.faults = ended.filter((end) => end.status === "rejected").map((end) => `${end.reason}`);
	document.getElementById("report").textContent = JSON.stringify(seen);
	document.title = "done";
	await fetch("/flask/note/browser", { method: "POST" });
}

all();
