# hint: on Counter(text) of a text with capitals
def letter_counts(profile):
    return np.array([profile.get(c, 0) for c in ALPHABET])
