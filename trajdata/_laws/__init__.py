"""The laws of motion: one small module each, all with the same five names.

A law is a closed form: position (metres) as a function of time (seconds), where time 0 is the
moment at which the object passes its anchor. A law's module has

- ``NUMBERS``: the names of its numbers, in the order in which they stand in an array;
- ``PHRASE`` and ``EQUATION``: how caption and equation word it (templates, see ``text.py``);
- ``propose(scene, limits, w, v, speed, numbers)``: fill its numbers from eight random words, so
  that the object is at its anchor at time 0 with this speed;
- ``position(numbers, t)``: (x, y, z) at time t;
- ``least(numbers, t0, t1, a, b, c)``: a lower bound of a x + b y + c z over [t0, t1], from the
  closed form, so that "inside the frame" holds at every moment and not only where frames fall;
- ``distinct(scene, limits, numbers, t0, t1)``: whether what defines the law can be seen.
"""
