"""The program to compare with, and its project file: copied into a folder of its own and run there by the engine."""
