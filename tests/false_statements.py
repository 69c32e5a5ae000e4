"""Statements that are false, or say nothing definite: the prover must refuse each.

Most are what a slip or a wrong belief would print. Each has what it needs to be read:
LaTeX, domains, definitions.
"""

SOFTMAX = r"q_k = \frac{e^{z_k}}{\sum_j e^{z_j}}"
LOSS = [SOFTMAX, r"\ell = -\sum_k y_k \log q_k"]
SIGMOID = [r"s = \frac{1}{1 + e^{-z}}"]

# Numbers contradict these.
FALSE = {
    "e^-c for e^c": (
        r"\sum_{k=1}^{K} e^{z_k + c} = e^{-c} \sum_{k=1}^{K} e^{z_k}",
        "z_k, c real",
    ),
    "the log of a sum, term by term": (
        r"\log \sum_k e^{z_k} = \sum_k \log e^{z_k}",
        "z_k real",
    ),
    "the mean of logarithms": (
        r"\frac1K \sum_k \log x_k = \log \frac1K \sum_k x_k",
        "x_k > 0",
    ),
    "true for two classes": (
        r"\sum_{j<k} q_j q_k (z_j - z_k)^2 = q_1 q_2 (z_1 - z_2)^2",
        "z_k real",
        [SOFTMAX],
    ),
    "H with its arguments swapped": (
        r"H(p, q) = H(q) + D(q \,\|\, p)",
        "p_k, q_k distribution",
    ),
    "a symmetric divergence": (
        r"D(p \,\|\, q) = D(q \,\|\, p)",
        "p_k, q_k distribution",
    ),
    "cross-entropy minus": (
        r"H(p, q) = H(p) - D(p \,\|\, q)",
        "p_k, q_k distribution",
    ),
    "labels that need not add up to 1": (
        r"\frac{\partial \ell}{\partial z_k} = q_k - y_k",
        "z_k, y_k real",
        LOSS,
    ),
    "the gradient with its sign changed": (
        r"\frac{\partial \ell}{\partial z_k} = y_k - q_k",
        "z_k real; y_k distribution",
        LOSS,
    ),
    "the gradient of another class": (
        r"\frac{\partial \ell}{\partial z_k} = q_j - y_j",
        "z_k real; y_k distribution",
        LOSS,
    ),
    "the gradient by the probability": (
        r"\frac{\partial \ell}{\partial z_k} = -\frac{y_k}{q_k}",
        "z_k real; y_k distribution",
        LOSS,
    ),
    "no distribution": (r"\sum_k p_k \log \frac{p_k}{q_k} \ge 0", "p_k, q_k > 0"),
    "no distribution, and a bound": (r"-\sum_k p_k \log p_k \ge 0", "p_k > 0"),
    "entropy above log K": (r"H(p) \ge \log K", "p_k distribution"),
    "true below 1": (r"-\log x > 0", "x > 0"),
    "true above 1": (r"\log x > 0", "x > 0"),
    "true for positive numbers": (r"x + 1 > 0", "x real"),
    "true for small numbers": (r"x < 2", "x > 0"),
    "a share above one half": (r"p \ge \tfrac12", "0 < p < 1"),
    "log of a square": (r"\log \bigl( (1 - y)^2 \bigr) = 2 \log (1 - y)", "y real"),
    "a root of a square": (r"(x^2)^{1/2} = x", "x real"),
    "an absolute value left out": (r"\log |x| = \log x", "x real"),
    "the diagonal forgotten": (
        r"\frac{\partial q_j}{\partial z_k} = -q_j q_k",
        "z_k real",
        [SOFTMAX],
    ),
    "the diagonal only": (
        r"\frac{\partial q_j}{\partial z_k} = q_j (1 - q_k)",
        "z_k real",
        [SOFTMAX],
    ),
    "delta with a wrong sign": (
        r"\frac{\partial q_j}{\partial z_k} = q_j (\delta_{jk} + q_k)",
        "z_k real",
        [SOFTMAX],
    ),
    "sum and product exchanged": (
        r"\sum_j \prod_k x_{jk} = \prod_k \sum_j x_{jk}",
        "x_{jk} > 0",
    ),
    "the ratio of sums": (
        r"\frac{\sum_k a_k}{\sum_k b_k} = \frac1K \sum_k \frac{a_k}{b_k}",
        "a_k, b_k > 0",
    ),
    "one index for two sums": (
        r"\sum_k p_k \sum_k q_k = \sum_k p_k q_k",
        "p_k, q_k > 0",
    ),
    "a sum that begins at 2": (
        r"\sum_{k=2}^{K} p_k = 1",
        "p_k distribution",
    ),
    "the sum of two probabilities": (r"\sum_{k=1}^{2} p_k = 1", "p_k distribution"),
    "a factor taken out of a sum": (
        r"\sum_k x_k y_k = y_1 \sum_k x_k",
        "x_k, y_k real",
    ),
    "a limit from the wrong side": (r"\lim_{x \to 0^-} e^{-1/x} = 0", "x real"),
    "a limit that is 1": (r"\lim_{x \to \infty} \frac{x}{1 + x} = 0", "x > 0"),
    "temperature the wrong way": (
        r"\lim_{T \to \infty} e^{-g/T} = 0",
        "g, T > 0",
    ),
    "strict at equality": (r"(x - x)^2 > 0", "x real"),
    "strict for equal distributions": (
        r"D(p \,\|\, q) > 0",
        "q_k distribution",
        ["p_k = q_k"],
    ),
    "the sixth digit": (r"\log 2 = 0.693147", ""),
    "the fourth digit": (r"\log 2 \approx 0.6932", ""),
    "a rounded number rounded wrongly": (r"\frac23 \approx 0.66", ""),
    "a curvature below zero": (
        r"v^\top \nabla^2 \ell \; v \le 0",
        "z_k, v_k real; y_k distribution",
        [*LOSS, r"\nabla = \frac{\partial}{\partial z_k}"],
    ),
    "a direction that is not flat": (
        r"\nabla^2 \ell \; (2, 2, \dots, 2)^\top = (1, 1, \dots, 1)^\top",
        "z_k real; y_k distribution",
        [*LOSS, r"\nabla = \frac{\partial}{\partial z_k}"],
    ),
    "one wrong component": (r"(x + x, x \cdot x, x - x) = (2x, x^2, 1)", "x real"),
    "one wrong link": (r"(x + 1)^2 = x^2 + 2x + 1 = x^2 + 2x", "x real"),
    "a wrong last link": (r"2x = x + x \ge x", "x real"),
    "a wrong second statement": (r"x + x = 2x , \qquad x - x = 1", "x real"),
    "a condition that is too weak": (
        r"\frac{\partial q_j}{\partial z_k} = 0 \quad (j \ne k)",
        "z_k real",
        [SOFTMAX],
    ),
    "a condition that excludes the wrong case": (
        r"\delta_{jk} = 1 \quad (j \ne k)",
        "",
    ),
    "pi is not x": (r"x + x = \pi", "x real"),
    "true at K = 2 and more terms": (
        r"H(p) = -p_1 \log p_1 - p_2 \log p_2",
        "p_k distribution",
    ),
    "the maximum as an upper bound": (
        r"\log \sum_k e^{z_k} \le m",
        "z_k real",
        [r"m = \max_k z_k"],
    ),
    "the maximum of the first": (r"\max_k z_k = z_1", "z_k real"),
    "a maximum of two": (r"\max(x, y) = x + y", "x, y > 0"),
    "a wrong case of an absolute value": (r"|x| = x + 1", "x real"),
    "sigmoid of minus": (
        r"1 - \sigma(z) = \sigma(z)",
        "z real",
    ),
    "the slope of the sigmoid": (
        r"\frac{ds}{dz} = s (1 + s)",
        "z real",
        SIGMOID,
    ),
    "a derivative without its chain": (
        r"\frac{d}{dx} e^{2x} = e^{2x}",
        "x real",
    ),
    "the wrong order of a derivative": (
        r"\frac{d^2}{dx^2} x^3 = 3 x^2",
        "x real",
    ),
    "an integral without its limits": (r"\int_0^1 x^2 dx = \frac12", ""),
    "a factor of N": (
        r"\sum_{n=1}^{N} \frac{1}{N} \sum_{k=1}^{K} x_{nk} = \frac1K \sum_{n,k} x_{nk}",
        r"x_{nk} real",
    ),
    "the logarithm of N for that of K": (
        r"H(u, u) = \log N",
        "",
        [r"u_k = \frac1K"],
    ),
    "a matrix and its transpose": (r"F^\top x = F x", "F_{jk}, x_k real"),
    "an inverse from the wrong side": (
        r"G F^\top d = d",
        "F_{jk}, d_k real; G_{jk} = F^{-1}",
    ),
    "the variance without the mean": (
        r"\mathbb{E} \left[ \Bigl( \sum_k z_k \Bigr)^2 \right] = K^2 s^2",
        "z_k noise; s > 0",
    ),
    "the mean of a square": (
        r"\mathbb{E} [ z_1 z_2 ] = s^2",
        "z_k noise; s > 0",
    ),
    "answers that are not weighted": (
        r"\sum_{y \in \{0, 1\}^K} \prod_{k=1}^{K} q_k^{\,y_k} = 1",
        "0 < q_k < 1",
    ),
    "a sum one term too long": (
        r"\sum_{i=1}^{t+1} x_i = \sum_{i=1}^{t} x_i + x_t",
        r"x_i real; t size",
    ),
    "Jensen the wrong way": (
        r"\log (w a + (1 - w) b) \le w \log a + (1 - w) \log b",
        "a, b > 0; 0 < w < 1",
    ),
    "the tangent above": (r"\log t \ge t - 1", "t > 0"),
    "a size of at least two": (r"K \ge 2 K - 2", "K size"),
    "a sum that may have no term": (r"\sum_{i=3}^{t} 1 = t - 2", "t size"),
    "a sum that may end before it begins": (r"\sum_{i=1}^{K-3} 1 = K - 3", "K size"),
    "an index that begins at 0": (
        r"\sum_{i=0}^{K} \sum_{j=1}^{K} \delta_{ij} = K + 1",
        "K size",
    ),
    "0 to the power of 0": (r"\sum_{i=0}^{t} 0^i = 0", "t size"),
    "a sum without the entry that grows": (
        r"\lim_{z_k \to \infty} \frac{\sum_{j=1}^{K-1} e^{z_j}}{e^{z_k}} = 1",
        "z_k real",
    ),
    "an entry that grows in every term": (
        r"\lim_{x_1 \to \infty} \frac{1}{x_1} \sum_i |x_i - x_1| = 0",
        "x_k real",
    ),
    "a limit at a jump": (
        r"\lim_{x \to 0^+} \lceil x \rceil \sum_k z_k = 0",
        "x, z_k real",
    ),
    "a limit at a kink": (
        r"\lim_{x \to 0} \frac{|x|}{x} \sum_k z_k = 0",
        "x, z_k real",
    ),
    "an integral that begins anywhere": (
        r"\int_a^b |x| dx = \frac{b^2 - a^2}{2}",
        "a, b real",
    ),
    "an integral over a pole": (
        r"\int_{-a}^{2a} \frac{1}{x^2} dx = -\frac{3}{2a}",
        "a > 0",
    ),
    "a slope for positive numbers only": (
        r"f'(z) = 1",
        "z real",
        ["f(x) = |x|"],
    ),
    "a maximum as a linear function": (
        r"g(x + y) = g(x) + g(y)",
        "x_k, y_k real",
        [r"g(z) = \max_k z_k"],
    ),
    "one place for the maxima of two rows": (
        r"\frac{\partial m_1}{\partial x_{1k}} = \frac{\partial m_2}{\partial x_{2k}}",
        "x_{jk} real",
        [r"m_j = \max_k x_{jk}"],
    ),
    "a maximum over entries beyond the last": (
        r"z_{K+1} \le \max_k z_k",
        "z_k real; K size",
    ),
    "the diagonal of a table of distributions": (
        r"\sum_k p_{kk} = 1",
        "p_{jk} distribution",
    ),
    "one index in two merged sums": (
        r"\sum_i \sum_j \frac{1}{x_i + x_j} \ge \sum_i \frac{K}{2 x_i}",
        "x_k > 0",
    ),
    "a mean over sums of unequal length": (
        r"\mathbb{E} \Bigl[ \sum_{k=1}^{K} z_k \sum_{j=1}^{K-1} z_j \Bigr] = K s^2",
        "z_k noise; s > 0",
    ),
    "a mean of two families": (
        r"\mathbb{E} [ x_1 z_1 ] = s^2",
        "x_k, z_k noise; s > 0",
    ),
    "the sign of a power": (r"(-2)^K \le 0", "K size"),
    "a function of a matrix and its transpose": (
        r"f(F) = f(F^\top)",
        "F_{jk} real; f function",
    ),
    "a function of a vector and a number": (
        r"f(v) = f(c)",
        "c real; f function",
        ["v_k = c"],
    ),
    "two sums over answers": (
        r"\sum_{y \in \{0, 1\}^K} \sum_{x \in \{0, 1\}^K} r(y) x_k "
        r"= \sum_{y \in \{0, 1\}^K} \sum_{x \in \{0, 1\}^K} r(y) y_k",
        "r joint",
    ),
    "a value put in one entry only": (
        r"\left. \sum_j x_j \right|_{x_k = 0} = \sum_j x_j",
        "x_k real",
    ),
    "parts of 1 that are equal in every term": (
        r"\sum_k (p_k - q_k) (\lceil k x \rceil - k x) \ge 0",
        "p_k, q_k distribution; x real",
    ),
    "rounded up as far as down": (
        r"\lceil z_k \rceil + \lfloor z_k \rfloor \le 2 z_k",
        "z_k real",
    ),
    "a product of numbers of either sign": (r"\prod_k x_k \ge 0", "x_k real"),
}

# True for some numbers of classes only: these are checked, and not called proved.
ONLY_SOME = {
    "true for 2 to 6 classes": (r"(K-2)(K-3)(K-4)(K-5)(K-6) = 0", "K size"),
    "true for 2 to 6, as a sum": (
        r"\sum_k (K-2)(K-3)(K-4)(K-5)(K-6) x_k = 0",
        "x_k real; K size",
    ),
}

# Not false, but not said clearly enough to be given a meaning.
REFUSED = {
    "an undeclared letter": (r"x + y = y + x", "x real", "y has no meaning"),
    "a number or a function": (r"q(1 - q) = q - q^2", "", "q has no meaning"),
    "two meanings of one letter": (r"x = x", "x real; x > 0", "one meaning"),
    "a free index without a range": (
        r"\sum_m x_m = \sum_m x_m",
        "x_k real",
        "needs a range",
    ),
    "an open bracket": (r"(x + 1 = 1 + x", "x real", r"can't stand in brackets"),
    "an open brace": (r"\frac{x}{2 = 1", "x real", "} was expected"),
    "plus or minus": (r"x \pm 1 = 1", "x real", "two meanings"),
    "about equal, to a formula": (r"x \approx x + 0.001", "x real", "digits"),
    "an arrow": (r"\frac1x \to 0", "x real", "must stand|relation was expected"),
    "an unknown command": (r"\foo{x} = x", "x real", "foo has no meaning"),
    "no relation": (r"x + 1", "x real", "two sides"),
    "a domain that is not needed": (r"x = x", "x, y real", "does not use y"),
    "an unknown kind of domain": (r"x = x", "x complex", "a domain must end"),
    "unequal entries": (r"(x, x) = (x, x, x)", "x real", "as many entries"),
    "a vector and a number": (r"x + y = y + x", "x_k, y real", "terms must all"),
    "two vectors side by side": (r"x y = y x", "x_k, y_k real", "transpose one"),
    "different sizes": (
        r"F x = F x",
        r"F_{jk}, x_b real; b = 1, \dots, B",
        "sizes must agree",
    ),
    "dots between unequal entries": (
        r"F (1, 2, \dots, 1)^\top = F (1, 2, \dots, 1)^\top",
        "F_{jk} real",
        "around the dots",
    ),
    "two exponents": (r"x^a^2 = x^a^2", "x, a > 0", "LaTeX takes one"),
    "one index twice": (r"\sum_{j<j} x_j x_j \ge 0", "x_k > 0", "needs two indices"),
    "orders that differ": (
        r"\frac{d^2}{dx} x^2 = 2",
        "x real",
        "orders above and below",
    ),
    "a value where the letter can't be": (
        r"\left. \frac{d}{dx} |x| \right|_{x = -1} = 1",
        "x > 0",
        "can't be -1",
    ),
    "a formula under a brace": (
        r"\underbrace{x + x}_{= 3x} = 2x",
        "x real",
        "text was expected",
    ),
    "a relation in words": (
        r"\underbrace{x + x}_{\text{= 3x}} = 2x",
        "x real",
        "can't hold a relation",
    ),
    "two numbers side by side": (r"2 3 = 6", "", "side by side"),
    "a power with a point": (r"4^2.5 = 32", "", "is not known"),
    "what a slash divides by": (r"1/2x = x/2", "x real", "not clear"),
    "the logarithm of a quotient": (r"\log 8/2 = \log 4", "", "not clear"),
    "the power of a logarithm": (
        r"\log (x)^2 = \log x^2",
        "x > 0",
        "not clear",
    ),
    "e as a letter": (r"e + e^{\log x} = e + x", "e, x > 0", "base of the exp"),
    "a number up to infinity": (r"\frac1x = 0", r"0 < x < \infty", "must be a number"),
    "a number between none": (r"x < 1", "1 < x < 0", "no x lies between"),
    "a square as a negative letter": (r"x^2 < 0", "x^2 < 0", "can't be negative"),
    "a logarithm that is never real": (
        r"\log(-x) = \log x + \log(-1)",
        "x > 0",
        "no point was found",
    ),
    "a quotient of two zeros": (
        r"\frac{(x + 1)^2 - x^2 - 2x - 1}{(x + 1)^2 - x^2 - 2x - 1} = 1",
        "x real",
        "always 0",
    ),
    "two rows side by side": (
        r"x^\top y^\top = x y^\top",
        "x_k, y_k real",
        "a row can't follow",
    ),
    "a row and a column": (r"x^\top = x", "x_k real", "as rows or as columns"),
    "a matrix before a row": (
        r"F x^\top = F x",
        "x_k, F_{jk} real",
        "a row can't follow",
    ),
    "a sum over the wrong size": (
        r"\sum_{k=1}^{N} p_k = 1",
        "p_k distribution",
        "has no entry",
    ),
    "unequal proved": (r"x \ne x + 1", "x real", "is not proved"),
}
