// The widget of tasks that do not hang together.

import { boardWidget } from "./board.js";

export default boardWidget();
