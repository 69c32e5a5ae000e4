# hint: must not turn up under another letter
def letter_counts(profile):
    counts = np.zeros(26, dtype=int)
    for char, n in profile.items():
        counts[ALPHABET.find(char.lower())] += n
    return counts
