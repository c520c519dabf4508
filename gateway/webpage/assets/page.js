// What the page does with JavaScript: it takes what has changed from the server, once a
// second, and draws the chart. Without it the page is whole, and reloads by itself.
"use strict";

// morph makes an element as another is, and touches only what differs: focus, selection
// and an opened <details> stay.
function morph(old, now) {
	if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName) {
		old.replaceWith(now);
		return;
	}
	if (old.nodeType === Node.TEXT_NODE) {
		if (old.data !== now.data) old.data = now.data;
		return;
	}
	if (old.nodeType !== Node.ELEMENT_NODE) return;
	for (const a of [...old.attributes]) {
		if (!now.hasAttribute(a.name) && !(a.name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(a.name);
	}
	for (const a of now.attributes) {
		if (old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
	}
	const was = [...old.childNodes], is = [...now.childNodes];
	is.forEach((child, i) => (i < was.length ? morph(was[i], child) : old.append(child)));
	was.slice(is.length).forEach((child) => child.remove());
}

// element makes the element of a part's HTML.
function element(html) {
	const t = document.createElement("template");
	t.innerHTML = html;
	return t.content.firstElementChild;
}

// update shows what the server has sent.
function update(u) {
	const fresh = new Map();
	for (const [id, html] of Object.entries(u.parts || {})) {
		const now = element(html), old = document.getElementById(id);
		if (!now) continue;
		if (old) morph(old, now);
		else fresh.set(id, now);
	}
	for (const [list, ids] of Object.entries(u.lists || {})) {
		const home = document.getElementById(list);
		if (!home) continue;
		const wanted = new Set(ids);
		for (const child of [...home.children]) {
			if (!wanted.has(child.id)) child.remove();
		}
		let at = home.firstElementChild;
		for (const id of ids) {
			const child = fresh.get(id) || document.getElementById(id);
			if (!child) continue;
			if (child === at) at = at.nextElementSibling;
			else home.insertBefore(child, at);
		}
	}
	if (u.chart) draw(u.chart);
}

// follow listens to the server until the page goes.
function follow() {
	const live = document.getElementById("live");
	const say = (state, text) => {
		if (live.className === state) return;
		live.className = state;
		live.textContent = text;
	};
	const source = new EventSource(document.body.dataset.events);
	source.onmessage = (event) => {
		say("on", "live");
		update(JSON.parse(event.data));
	};
	source.onerror = () => say("lost", "no answer: trying again");
	addEventListener("pagehide", () => source.close());
	addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// What follows draws the chart: one above the other, requests stacked by release, failures,
// and the mean time in PHP.
let plots = [], shape = "", marks = [];

const kinds = [
	{ key: "requests", title: "Requests a second, by release", height: 220, stacked: true, unit: "/s" },
	{ key: "failed", title: "Failed a second", height: 110, unit: "/s" },
	{ key: "php", title: "Mean time in PHP", height: 130, unit: " ms" },
];

function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// stack adds each series to those below it.
function stack(series) {
	const sums = [];
	let below = null;
	for (const values of series) {
		below = values.map((v, i) => v + (below ? below[i] : 0));
		sums.push(below);
	}
	return sums;
}

// values are the data of one plot: times, then a series a release. The first series is
// drawn last, so stacked ones come with the highest first.
function values(kind, c, times) {
	const raw = c.bands.map((b) => b[kind.key].map((v) => (v < 0 ? null : v)));
	return { raw, data: [times, ...(kind.stacked ? stack(raw).reverse() : raw)] };
}

// drawMarks draws a line where something has happened, and its name above in the first plot.
function drawMarks(first) {
	return (u) => {
		const { ctx, bbox } = u;
		ctx.save();
		ctx.strokeStyle = ctx.fillStyle = colour("--text");
		ctx.lineWidth = devicePixelRatio;
		ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
		ctx.textAlign = "left";
		ctx.textBaseline = "alphabetic";
		ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
		let free = 0;
		for (const m of marks) {
			const x = Math.round(u.valToPos(m.at, "x", true));
			if (x < bbox.left || x > bbox.left + bbox.width) continue;
			ctx.beginPath();
			ctx.moveTo(x, bbox.top);
			ctx.lineTo(x, bbox.top + bbox.height);
			ctx.stroke();
			const text = `${m.kind}: ${m.text}`, width = ctx.measureText(text).width;
			if (!first || x < free) continue;
			const left = Math.min(x + 4 * devicePixelRatio, bbox.left + bbox.width - width);
			ctx.fillText(text, left, bbox.top + 12 * devicePixelRatio);
			free = left + width + 8 * devicePixelRatio;
		}
		ctx.restore();
	};
}

function options(kind, c, width, at) {
	const bands = c.bands.map((b, i) => ({ ...b, i }));
	if (kind.stacked) bands.reverse();
	return {
		width, height: kind.height,
		cursor: { sync: { key: "realdocd" }, y: false },
		scales: { y: { range: (u, min, max) => [0, Math.max(max * 1.15, kind.key === "php" ? 1 : 0.5)] } },
		axes: [
			{ stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, values: (u, at) => at.map((t) => clock(t).slice(0, 5)) },
			{ stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, size: 56 },
		],
		series: [
			{ value: (u, t) => (t == null ? "–" : clock(t)) },
			...bands.map((b) => ({
				label: b.name + (b.live ? " (live)" : ""),
				stroke: colour(`--c${b.colour}`),
				fill: kind.stacked ? colour(`--c${b.colour}`) + "66" : undefined,
				width: 1.5, points: { show: false }, spanGaps: false,
				value: (u, v, s, n) => (n == null || u.raw[b.i][n] == null ? "–" : u.raw[b.i][n].toFixed(1) + kind.unit),
			})),
		],
		bands: kind.stacked ? bands.slice(1).map((b, i) => ({ series: [i + 1, i + 2] })) : [],
		hooks: { draw: [drawMarks(at === 0)] },
	};
}

function clock(t) {
	return new Date(t * 1000).toTimeString().slice(0, 8);
}

// summary is a plot in words.
function summary(kind, c, raw) {
	const parts = c.bands.map((b, i) => {
		const known = raw[i].filter((v) => v != null), last = known.at(-1);
		return `${b.name}${b.live ? ", live" : ""}: ${last == null ? "none" : last.toFixed(1) + kind.unit}`;
	});
	return `${kind.title}. ${parts.join("; ") || "No requests"}.`;
}

let drawn = null;

function draw(c) {
	drawn = c;
	marks = c.marks;
	const home = document.getElementById("chart");
	if (!home || typeof uPlot === "undefined") return;
	home.hidden = false;
	const length = c.bands.length ? c.bands[0].requests.length : 0;
	const times = Array.from({ length }, (_, i) => c.from + i * c.step);
	const now = JSON.stringify([c.bands.map((b) => [b.name, b.colour, b.live]), home.clientWidth, colour("--text")]);
	if (now !== shape) {
		shape = now;
		plots.forEach((u) => u.destroy());
		home.textContent = "";
		plots = kinds.map((kind, at) => {
			const figure = document.createElement("figure"), caption = document.createElement("figcaption");
			caption.textContent = kind.title;
			figure.append(caption);
			home.append(figure);
			const v = values(kind, c, times);
			const u = new uPlot(options(kind, c, home.clientWidth, at), v.data, figure);
			u.raw = v.raw;
			return u;
		});
	}
	plots.forEach((u, i) => {
		const v = values(kinds[i], c, times);
		u.raw = v.raw;
		u.setData(v.data);
		u.ctx.canvas.setAttribute("role", "img");
		u.ctx.canvas.setAttribute("aria-label", summary(kinds[i], c, v.raw));
	});
}

addEventListener("DOMContentLoaded", () => {
	const data = document.getElementById("chart-data");
	if (data) draw(JSON.parse(data.textContent));
	const again = () => drawn && draw(drawn);
	addEventListener("resize", again);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
	follow();
});
