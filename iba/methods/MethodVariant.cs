using Iba.Engine.Tensors;

namespace Iba.Methods;

/// <summary>
/// A method with some of its settings: <c>per-sample:beta=100</c>, <c>occlusion-8:fill=zero</c>, <c>per-sample:beta=1:steps=20</c>. Variants of one
/// method are columns of a table like methods of their own.
/// </summary>
/// <param name="Kind">The method.</param>
/// <param name="Settings">The settings that differ from the inputs that it is made from.</param>
public sealed record MethodVariant(MethodKind Kind, params IReadOnlyList<(MethodSetting Setting, string Value)> Settings)
{
    /// <summary>Inputs to check values on: no setting needs the network to be written.</summary>
    private static readonly MethodInputs Unbound = new(null!, new Shape(1, 1, 1, 3));

    /// <summary>As it is written, with its settings in the method's order.</summary>
    public string Name => string.Join(':', [Kind.Name, .. Settings.Select(each => $"{each.Setting.Name}={each.Value}")]);

    /// <summary>The name for figures and tables.</summary>
    public string Title => Settings.Count == 0
        ? Kind.Title
        : $"{Kind.Title} ({string.Join(", ", Settings.Select(each => $"{(each.Setting.Name == "beta" ? "β" : each.Setting.Name)} = {each.Value}"))})";

    /// <summary>Reads a variant.</summary>
    /// <exception cref="ArgumentException">There is no such method, it has no such setting, or a value is not one of its setting's.</exception>
    public static MethodVariant Parse(string text)
    {
        string[] parts = text.Split(':', StringSplitOptions.TrimEntries);
        MethodKind kind = AttributionMethods.Find(parts[0]);
        var given = new List<(MethodSetting Setting, string Value)>();
        foreach (string part in parts[1..])
        {
            string name = part.Split('=')[0].Trim();
            MethodSetting setting = kind.Settings.FirstOrDefault(setting => setting.Name == name) ?? throw new ArgumentException(
                $"method '{text}': {kind.Name} has no setting '{name}'. "
                + (kind.Settings.Count == 0 ? "It has none." : $"It has: {string.Join(", ", kind.Settings.Select(each => each.Name))}."));
            // A setting that is a yes or no question may be named alone.
            string value = part.Contains('=') ? part[(part.IndexOf('=') + 1)..].Trim() : setting == MethodSetting.AsPublished ? "yes" : "";
            if (given.Any(other => other.Setting == setting))
                throw new ArgumentException($"method '{text}': it gives {name} twice. Give it once.");
            given.Add((setting, value));
        }
        var variant = new MethodVariant(kind, [.. kind.Settings.SelectMany(setting => given.Where(each => each.Setting == setting))]);
        variant.Apply(Unbound);
        return variant;
    }

    /// <summary>The inputs with the variant's settings.</summary>
    /// <exception cref="ArgumentException">A value is not one of its setting; the message says what it takes.</exception>
    public MethodInputs Apply(MethodInputs inputs)
    {
        foreach ((MethodSetting setting, string value) in Settings)
        {
            inputs = setting.Write(inputs, value)
                ?? throw new ArgumentException($"method '{Name}': {setting.Name} is '{value}'; it must be {setting.Values}.");
        }
        return inputs;
    }
}
