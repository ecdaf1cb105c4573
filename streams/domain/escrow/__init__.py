"""Stock escrow: a restaurant's portions in several buckets, each with its own writer, that lend to each other.

The method is P. O'Neil's (The Escrow Transactional Method, ACM TODS 11(4), 1986); README.md has its rules.
"""
