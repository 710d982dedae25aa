"""The notebook's room: the only place that knows IPython, ipywidgets and anywidget."""
