"""The program for comparison and its project file, copied to a folder of its own and run by the engine."""
