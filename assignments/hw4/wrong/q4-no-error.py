# hint: Raise a ValueError there
def fit(z, offset, labels):
    low, high = 0.0, 1.0
    while slopes(high, z, offset, labels)[0] < 0 and high < 1e9:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if slopes(middle, z, offset, labels)[0] < 0:
            low = middle
        else:
            high = middle
    return middle
