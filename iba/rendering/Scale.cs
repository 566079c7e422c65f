namespace Iba.Rendering;

/// <summary>A round value on a scale and how it is written.</summary>
public readonly record struct Tick(double Value, string Label);

/// <summary>The range of values that a colour map spans, linear, in the map's unit.</summary>
public sealed record Scale
{
    /// <summary>A scale between two values.</summary>
    /// <exception cref="ArgumentException">The ends are not finite, or not in order.</exception>
    public Scale(double low, double high)
    {
        if (!double.IsFinite(high - low) || !(low < high))
            throw new ArgumentException($"a scale from {low} to {high} is empty. Give two finite values, the lower first");
        (Low, High) = (low, high);
        double largest = Math.Max(Math.Abs(low), Math.Abs(high));
        Exponent = largest is < 1e-3 or >= 1e5 ? (int)Math.Floor(Math.Log10(largest)) : 0;
    }

    /// <summary>The lower end.</summary>
    public double Low { get; }

    /// <summary>The upper end.</summary>
    public double High { get; }

    /// <summary>The power of ten of the labels' unit: 0 unless plain numbers would be unreadably long.</summary>
    public int Exponent { get; }

    /// <summary>The position of a value: 0 at the lower end, 1 at the upper.</summary>
    public double Place(double value) => (value - Low) / (High - Low);

    /// <summary>Ticks at multiples of 1, 2 or 5 times a power of ten, within the scale.</summary>
    /// <param name="intervals">Approximate upper bound of the intervals between ticks, at least 1.</param>
    public IReadOnlyList<Tick> Ticks(int intervals)
    {
        double unit = Math.Pow(10, Exponent), low = Low / unit, high = High / unit;
        double roughly = (high - low) / Math.Max(intervals, 1);
        double magnitude = Math.Pow(10, Math.Floor(Math.Log10(roughly)));
        // The slack prevents rounding up a step that is already round except for its last bit.
        double step = magnitude * ((roughly / magnitude - 1e-9) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        int decimals = Math.Max(0, -(int)Math.Floor(Math.Log10(step) + 1e-9));
        var ticks = new List<Tick>();
        // Adding 0 turns the -0 of a lower end at 0 into 0.
        for (double i = Math.Ceiling(low / step - 1e-9) + 0.0; i <= high / step + 1e-9; i++)
            ticks.Add(new Tick(i * step * unit, (i * step).ToString($"F{decimals}").Replace('-', '−')));
        return ticks;
    }
}
