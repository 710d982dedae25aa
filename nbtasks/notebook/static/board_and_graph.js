// The widget of a canvas.

import { boardWidget } from "./board.js";
import { Graph } from "./graph.js";

export default boardWidget(Graph);
