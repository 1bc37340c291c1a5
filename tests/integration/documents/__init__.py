"""The actions that the documents describe, driven input by input."""
