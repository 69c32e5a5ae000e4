# hint: which makes 5
def letter_counts(profile):
    counts = np.zeros(26, dtype=int)
    for char, n in profile.items():
        if char.lower() in ALPHABET:
            counts[ALPHABET.index(char.lower())] = n
    return counts
