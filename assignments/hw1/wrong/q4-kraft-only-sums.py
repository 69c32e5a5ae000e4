# hint: Compare every word with every other
def kraft(words):
    total = float(sum(2.0 ** -len(word) for word in words))
    if total > 1:
        raise ValueError("these words own more than the whole line")
    return total
