"use strict";
// What was seen, as lines; second.js writes them into the document.
const seen = {};
