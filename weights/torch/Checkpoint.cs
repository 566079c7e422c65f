using Iba.Engine.Files;
using Iba.Weights.Pickle;

namespace Iba.Weights.Torch;

/// <summary>
/// The unpickled contents of a PyTorch file, searched for mappings from names to tensors: in dictionaries and their subclasses, in lists,
/// in the attributes of objects. A pickled module becomes the mapping that its <c>state_dict()</c> would return.
/// </summary>
/// <param name="source">Creates the entry of a tensor.</param>
/// <param name="budget">Charged for every reference that is followed. Each object is visited once, however often it is referenced.</param>
internal sealed class Checkpoint(Func<string, TensorView, StateDictEntry> source, FileBudget budget)
{
    private const string Advice = "Save the state dict: torch.save(model.state_dict(), 'weights.pth').";
    private const int MostNames = 10, MostNamed = 100, LongestKey = 100;

    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<Place> _open = [];
    private readonly List<TensorMapping> _mappings = [];

    /// <summary>All mappings that contain a tensor, those nearest to the root first.</summary>
    /// <exception cref="NotWeightsException">There is none.</exception>
    public IReadOnlyList<TensorMapping> Mappings(object? root)
    {
        Visit(root, parent: null, key: null);
        while (_open.TryDequeue(out Place? place))
            Search(place);
        return _mappings.Count > 0 ? _mappings : throw (root is PickleDictionary dictionary
            ? new NotWeightsException($"a PyTorch file whose dictionary holds no tensors, only {Names(dictionary)}", Advice)
            : new NotWeightsException($"a PyTorch file that holds a {PickleValue.TypeName(root)}, not a dictionary of tensors", Advice));
    }

    private void Visit(object? value, Place? parent, object? key)
    {
        budget.Charge(FileBudget.Step);
        if (value is not (PickleDictionary or List<object?> or object?[] or PickleOpaque) || !_seen.Add(value))
            return;
        budget.Charge(2 * FileBudget.Object);
        _open.Enqueue(new Place(value, parent, key));
    }

    private void Search(Place place)
    {
        switch (place.Value)
        {
            case PickleDictionary dictionary:
                Add(place, dictionary, isModule: false);
                foreach ((object key, object? value) in dictionary)
                    Visit(value, place, key);
                break;
            case PickleOpaque { State: PickleDictionary state } module when Module.Is(state):
                Add(place, new Module(budget).Flatten(module), isModule: true);
                break;
            case PickleOpaque opaque:
                foreach (object? part in (object?[])[opaque.Items, opaque.State, opaque.Elements, opaque.Arguments])
                    Visit(part, place, key: null);
                break;
            default:
                long index = 0;
                foreach (object? value in (IEnumerable<object?>)place.Value)
                    Visit(value, place, index++);
                break;
        }
    }

    private void Add(Place place, PickleDictionary values, bool isModule)
    {
        var tensors = new List<StateDictEntry>();
        var others = new List<string>();
        bool parameters = false;
        foreach ((object key, object? value) in values)
        {
            budget.Charge(FileBudget.Step);
            if (key is string name && value is PickledTensor { View: { } view } tensor)
            {
                budget.Charge(4 * FileBudget.Object);
                tensors.Add(source(name, view));
                parameters |= tensor.IsParameter;
            }
            else if (others.Count < MostNamed)
            {
                others.Add(Described(Text(key), value));
            }
        }
        if (tensors.Count == 0)
            return;
        _mappings.Add(new TensorMapping(place.Label, place.Depth, tensors, others)
        {
            IsModule = isModule,
            HasParameters = parameters && !isModule,
            Beside = place.Beside.Take(MostNamed),
        });
    }

    private static string Described(string name, object? value) => $"{Short(name)} ({Short(PickleValue.TypeName(value))})";

    private static string Text(object key) => key as string ?? $"{key}";

    private static string Short(string name) => name.Length > LongestKey ? $"{name[..LongestKey]}..." : name;

    private static string Names(PickleDictionary dictionary) => dictionary.Count == 0
        ? "nothing"
        : string.Join(", ", dictionary.Keys.Take(MostNames).Select(key => $"'{Short(Text(key))}'")) + (dictionary.Count > MostNames ? " ..." : "");

    /// <summary>
    /// The place of a value: <paramref name="Key"/> of <paramref name="Parent"/>, or its only content if the key is null.
    /// </summary>
    private sealed record Place(object Value, Place? Parent, object? Key)
    {
        private const int DeepestLabel = 8;

        /// <summary>The number of keys on the path.</summary>
        public int Depth { get; } = Parent is null ? 0 : Parent.Depth + (Key is null ? 0 : 1);

        // The nearest place on the way here that has a key. Objects without keys may be nested as deep as the file is long: too deep to recurse.
        private Place? Above { get; } = Parent is null ? null : Parent.Key is null ? Parent.Above : Parent;

        /// <summary><c>checkpoint["model"][0]</c>; empty for the root. Computed for mappings with tensors only.</summary>
        public string Label
        {
            get
            {
                if (Depth == 0)
                    return "";
                if (Depth > DeepestLabel)
                    return "checkpoint[...]" + Step;
                return (Above?.Label ?? "checkpoint") + Step;
            }
        }

        /// <summary>What is beside the path: <c>checkpoint["epoch"] (int)</c>.</summary>
        public IEnumerable<string> Beside
        {
            get
            {
                for (Place? at = this; at is { Parent: { } parent }; at = parent)
                {
                    if (parent.Value is not PickleDictionary dictionary || parent.Depth > DeepestLabel)
                        continue;
                    string label = parent.Depth == 0 ? "checkpoint" : parent.Label;
                    foreach ((object key, object? value) in dictionary.Take(MostNamed))
                    {
                        if (!ReferenceEquals(value, at.Value))
                            yield return Described($"{label}[{Quoted(key)}]", value);
                    }
                }
            }
        }

        private string Step => Key is null ? "" : $"[{Quoted(Key)}]";

        private static string Quoted(object key) => key is string text ? $"\"{Short(text)}\"" : $"{key}";
    }

    /// <summary>A pickled <c>torch.nn.Module</c>: an object whose attributes hold its parameters, its buffers and the modules below it.</summary>
    private sealed class Module(FileBudget budget)
    {
        private readonly PickleDictionary _tensors = [];

        public static bool Is(PickleDictionary state) =>
            state.TryGet("_parameters", out object? _) && state.TryGet("_buffers", out object? _) && state.TryGet("_modules", out object? _);

        /// <summary>
        /// The tensors under their names in a state dict. For a module that contains itself, the budget ends the recursion.
        /// </summary>
        public PickleDictionary Flatten(PickleOpaque root)
        {
            var open = new Stack<(object? Module, string Prefix)>([(root, "")]);
            while (open.TryPop(out var at))
            {
                if (at.Module is not PickleOpaque { State: PickleDictionary state })
                    continue;
                foreach ((string name, object? tensor) in Parts(state, "_parameters", at.Prefix).Concat(Parts(state, "_buffers", at.Prefix)))
                {
                    if (tensor is not null)
                        _tensors.Set(name, tensor, budget);
                }
                foreach ((string name, object? module) in Parts(state, "_modules", at.Prefix).Reverse())
                    open.Push((module, $"{name}."));
            }
            return _tensors;
        }

        /// <summary>An attribute's values under their full names. It is an OrderedDict, or in a file of a later PyTorch a dict.</summary>
        private IEnumerable<(string Name, object? Value)> Parts(PickleDictionary state, string attribute, string prefix)
        {
            if (!state.TryGet(attribute, out PickleDictionary? parts))
                yield break;
            foreach ((object key, object? value) in parts)
            {
                string name = $"{prefix}{key}";
                budget.ChargeText(2L * name.Length + FileBudget.Object);
                yield return (name, value);
            }
        }
    }
}

/// <summary>A mapping of names to tensors somewhere in a file.</summary>
/// <param name="Label">Its place: <c>checkpoint["model"]</c>; empty if it is the whole file.</param>
/// <param name="Depth">The number of keys on the path to it.</param>
/// <param name="Tensors">The tensors under their names in the mapping, in its order.</param>
/// <param name="Others">Other contents of the mapping: names, with their types.</param>
internal sealed record TensorMapping(string Label, int Depth, IReadOnlyList<StateDictEntry> Tensors, IReadOnlyList<string> Others)
{
    /// <summary>Whether it comes from a pickled module.</summary>
    public bool IsModule { get; init; }

    /// <summary>Whether some of the tensors are parameters, which are marked as trained.</summary>
    public bool HasParameters { get; init; }

    /// <summary>What is beside the path to it.</summary>
    public IEnumerable<string> Beside { get; init; } = [];
}
