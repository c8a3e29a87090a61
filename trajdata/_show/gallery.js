"use strict";
(() => {
  const HOLD = 0.7; // seconds that a clip rests on its last frame
  const TICK = 33; // milliseconds between two looks at what has to be drawn anew
  const HALO = "rgba(12,14,18,.55)";
  const sections = JSON.parse(document.getElementById("data").textContent);
  const figures = [...document.querySelectorAll("figure")];
  const play = document.getElementById("play");
  const speed = document.getElementById("speed");
  const switches = [...document.querySelectorAll(".switch input")];
  const shown = {};
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  let clock = 0;
  let before = null;

  const cards = sections.flatMap((section) => section.clips.map((clip) => ({ section, clip })));
  cards.forEach((card, k) => {
    const figure = figures[k];
    const find = (name) => figure.querySelector(name);
    const { section, clip } = card;
    Object.assign(card, {
      figure, stage: find(".stage"), canvas: find("canvas"), badge: find(".badge"),
      bar: find(".track i"), numbers: find(".numbers"), image: new Image(),
      held: null, drawn: "", visible: true,
    });
    figure.style.setProperty("--law", clip.colour);
    card.canvas.style.aspectRatio = `${section.width} / ${section.height}`;
    card.image.onload = () => { card.drawn = ""; };
    card.image.src = clip.strip;

    const last = section.frames.length - 1;
    const hold = (frame) => {
      card.held = frame === null ? null : Math.min(Math.max(frame, 0), last);
      card.badge.hidden = card.held === null;
    };
    const follow = (event) => {
      const box = card.stage.getBoundingClientRect();
      hold(Math.floor((event.clientX - box.left) / box.width * (last + 1)));
    };
    card.stage.addEventListener("pointerdown", follow);
    card.stage.addEventListener("pointermove", follow);
    card.stage.addEventListener("pointerleave", () => hold(null));
    card.stage.addEventListener("pointercancel", () => hold(null));
    card.stage.addEventListener("blur", () => hold(null));
    card.stage.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        hold((card.held === null ? frameNow(section) : card.held) + step);
        event.preventDefault();
      } else if (event.key === "Escape") {
        hold(null);
      }
    });
  });

  const byStage = new Map(cards.map((card) => [card.stage, card]));
  const seen = new IntersectionObserver((changes) => {
    for (const change of changes) byStage.get(change.target).visible = change.isIntersecting;
  }, { rootMargin: "200px" });
  cards.forEach((card) => seen.observe(card.stage));

  function frameNow(section) {
    const last = section.frames.length - 1;
    const at = clock % (section.seconds + HOLD);
    return Math.min(last, Math.floor(at / section.seconds * last + 1e-6));
  }

  function draw(card, frame) {
    const { section, clip, canvas, image } = card;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(width * section.height / section.width);
    if (!width || !image.complete) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const pen = canvas.getContext("2d");
    const tileWidth = Math.ceil(section.width / section.thin);
    const tileHeight = Math.ceil(section.height / section.thin);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(
      image, frame % section.columns * tileWidth, Math.floor(frame / section.columns) * tileHeight,
      tileWidth, tileHeight, 0, 0, width, height);
    const scale = width / section.width;
    const unit = Math.max(1, Math.min(width / 180, 1.6 * ratio));
    const places = clip.pixels.map(([x, y]) => [x * scale, y * scale]);
    if (shown.path) drawPath(pen, places, frame, unit, clip.colour);
    const [x, y] = places[frame];
    const radius = clip.radius[frame] * scale;
    if (shown.circle) outline(pen, unit, () => pen.arc(x, y, radius, 0, 2 * Math.PI));
    if (shown.box) outline(pen, unit, () => pen.rect(x - radius, y - radius, 2 * radius, 2 * radius));
  }

  function outline(pen, unit, trace) {
    for (const [colour, width] of [[HALO, 3.2], ["#fff", 1.4]]) {
      pen.beginPath();
      trace();
      pen.strokeStyle = colour;
      pen.lineWidth = width * unit;
      pen.stroke();
    }
  }

  function drawPath(pen, places, frame, unit, colour) {
    pen.lineJoin = pen.lineCap = "round";
    const line = (from, to, ink, width) => {
      pen.beginPath();
      places.slice(from, to + 1).forEach(([x, y], k) => k ? pen.lineTo(x, y) : pen.moveTo(x, y));
      pen.strokeStyle = ink;
      pen.lineWidth = width * unit;
      pen.stroke();
    };
    line(0, places.length - 1, HALO, 2.8);
    line(0, places.length - 1, "rgba(255,255,255,.4)", 1.2);
    line(0, frame, "#fff", 1.6);
    places.forEach(([x, y], k) => {
      const now = k === frame;
      pen.globalAlpha = k > frame ? 0.3 : 0.45 + 0.55 * (k + 1) / (frame + 1);
      for (const [ink, reach] of [["#fff", 1], [colour, 0]]) {
        pen.beginPath();
        pen.arc(x, y, ((now ? 3.6 : 1.8) + reach) * unit, 0, 2 * Math.PI);
        pen.fillStyle = ink;
        pen.fill();
      }
    });
    pen.globalAlpha = 1;
  }

  function tell(card, frame) {
    const { section, clip } = card;
    const last = section.frames.length - 1;
    const seconds = section.seconds * frame / Math.max(last, 1);
    card.badge.textContent = `frame ${section.frames[frame]} of ${section.shape[0]}, ${seconds.toFixed(2)} s`;
    card.bar.style.transform = `scaleX(${last ? frame / last : 1})`;
    if (shown.numbers) {
      const [x, y] = clip.pixels[frame];
      card.numbers.textContent =
        `x ${x.toFixed(2)}, y ${y.toFixed(2)} px\n` +
        `radius ${clip.radius[frame].toFixed(2)} px\ndepth ${clip.depth[frame].toFixed(3)} m`;
    }
  }

  function look(now) {
    if (playing && before !== null) clock += (now - before) / 1000 * Number(speed.value);
    before = now;
    const settings = switches.map((box) => Number(box.checked)).join("");
    for (const card of cards) {
      if (!card.visible) continue;
      const frame = card.held === null ? frameNow(card.section) : card.held;
      const state = [frame, settings, card.canvas.clientWidth, window.devicePixelRatio, card.image.complete].join();
      if (state !== card.drawn) {
        card.drawn = state;
        draw(card, frame);
        tell(card, frame);
      }
    }
  }

  function settle() {
    for (const box of switches) shown[box.name] = box.checked;
    for (const { figure } of cards) {
      for (const name of ["numbers", "caption", "equation"]) {
        figure.querySelector(`.${name}`).hidden = !shown[name];
      }
    }
    play.setAttribute("aria-pressed", String(playing));
    play.querySelector(".word").textContent = playing ? "Pause" : "Play";
  }

  switches.forEach((box) => box.addEventListener("change", settle));
  play.addEventListener("click", () => { playing = !playing; settle(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && !/^(BUTTON|INPUT|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      playing = !playing;
      settle();
    }
  });
  settle();
  setInterval(() => look(performance.now()), TICK);
})();
