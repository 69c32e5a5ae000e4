# hint: Which N and which K
def letter_model(profile, alpha):
    if alpha < 0:
        raise ValueError("alpha must not be negative")
    total = sum(profile.values()) + 26 * alpha
    if total == 0:
        raise ValueError("nothing to divide by")
    return (letter_counts(profile) + alpha) / total
