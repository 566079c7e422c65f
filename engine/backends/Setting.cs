using System.Globalization;

namespace Iba.Engine.Backends;

/// <summary>One number or choice of many that a caller made. What is out of its range is refused before any work.</summary>
public static class Setting
{
    /// <summary>Upper bound of every learning rate. Steps beyond it lead to infinities.</summary>
    public const double MostLearningRate = 1000;

    /// <param name="holds">Whether the value is in its range.</param>
    /// <param name="name">What it is called.</param>
    /// <param name="value">The value.</param>
    /// <param name="range">The range, which continues "it must be".</param>
    /// <exception cref="ArgumentException">The value is out of its range; the message has name, value and range.</exception>
    public static void Demand(bool holds, string name, object value, string range)
    {
        if (!holds)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be {range}."));
    }
}
