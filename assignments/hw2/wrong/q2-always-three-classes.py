# hint: Try other numbers of classes
def smooth(labels, K, eps):
    if not 0 <= eps <= 1:
        raise ValueError("eps")
    return (1 - eps) * np.eye(3)[labels] + eps / 3
