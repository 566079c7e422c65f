using System.IO.Enumeration;
using Iba.Backpropagation;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Iba.Relevance;

namespace Iba.Paths;

/// <summary>
/// Backward rules by layer: the first whose pattern fits a line's name decides, and lines that none fits keep their own derivative. Zennit calls this a
/// composite of a name map.
/// </summary>
/// <param name="parts">Patterns (<c>*</c> and <c>?</c>; <c>layer4</c> stands for <c>layer4.*</c> too) and rules; null for the plain derivative.</param>
public sealed class RuleMap(params IReadOnlyList<(string Pattern, BackwardRule? Rule)> parts) : BackwardRule, IDisposable
{
    private static readonly (string Name, Func<BackwardRule?> Make)[] Known =
    [
        ("gradient", () => null),
        ("guided", () => new GuidedRule()),
        ("lrp-alpha1-beta0", () => new LrpRule(1, 0, 0)),
        ("lrp-alpha2-beta1", () => new LrpRule(2, 1, 0)),
        ("lrp-alpha0-beta1", () => new LrpRule(0, -1, 5)),
    ];

    /// <summary>The rules' names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Known.Select(rule => rule.Name)];

    /// <summary>Reads <c>lrp-alpha1-beta0</c>, for the whole network, or <c>layer4.*=lrp-alpha1-beta0</c>.</summary>
    /// <exception cref="ArgumentException">There is no such rule.</exception>
    public static RuleMap Parse(IEnumerable<string> words) => new([.. words.Select(word =>
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string name = word[(equals + 1)..];
        return (equals < 0 ? "*" : word[..equals], Known.FirstOrDefault(rule => rule.Name == name) is { Make: { } make }
            ? make()
            : throw new ArgumentException($"there is no rule '{name}'. There are: {string.Join(", ", Names)}; NAME=RULE sets one for some layers."));
    })]);

    /// <summary>The patterns that fit no line of a tape: mistakes.</summary>
    public IEnumerable<string> Unused(Tape tape) => parts.Select(part => part.Pattern).Where(pattern => !tape.Any(line => Fits(pattern, line.Name)));

    /// <inheritdoc/>
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d) => Of(y)?.Backward(on, y, dy, d) == true;

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => Of(y)?.RereadsInput(y, input) == true;

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => Of(y)?.RereadsOutput(y) == true;

    /// <inheritdoc/>
    public override IEnumerable<Shape> Scratch(Value y) => Of(y)?.Scratch(y) ?? [];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable rule in parts.Select(part => part.Rule).OfType<IDisposable>())
            rule.Dispose();
    }

    private BackwardRule? Of(Value y) => parts.FirstOrDefault(part => Fits(part.Pattern, y.Name)).Rule;

    private static bool Fits(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) || name.StartsWith($"{pattern}.", StringComparison.Ordinal);
}
