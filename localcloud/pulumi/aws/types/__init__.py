"""The resource types, a module for each part of AWS."""
