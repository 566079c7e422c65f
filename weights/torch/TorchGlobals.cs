using System.Collections.Frozen;
using System.Text;
using Iba.Engine.Files;
using Iba.Weights.Pickle;

namespace Iba.Weights.Torch;

/// <summary>The known globals of a pickled state dict, by their Python names.</summary>
internal static class TorchGlobals
{
    private static readonly FrozenDictionary<string, ElementType> ElementTypeOf = new Dictionary<string, ElementType>
    {
        ["Float"] = ElementType.F32,
        ["Double"] = ElementType.F64,
        ["Half"] = ElementType.F16,
        ["BFloat16"] = ElementType.BF16,
        ["Long"] = ElementType.I64,
        ["Int"] = ElementType.I32,
        ["Short"] = ElementType.I16,
        ["Char"] = ElementType.I8,
        ["Byte"] = ElementType.U8,
        ["Bool"] = ElementType.BOOL,
        ["Untyped"] = ElementType.U8,
        ["ComplexFloat"] = ElementType.C64,
        ["ComplexDouble"] = ElementType.C128,
        // Quantised values as the integers that are stored.
        ["QInt8"] = ElementType.I8,
        ["QUInt8"] = ElementType.U8,
        ["QInt32"] = ElementType.I32,
        ["QUInt4x2"] = ElementType.U8,
        ["QUInt2x4"] = ElementType.U8,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, ElementType> DtypeOf = new Dictionary<string, ElementType>
    {
        ["float32"] = ElementType.F32,
        ["float64"] = ElementType.F64,
        ["float16"] = ElementType.F16,
        ["bfloat16"] = ElementType.BF16,
        ["int64"] = ElementType.I64,
        ["int32"] = ElementType.I32,
        ["int16"] = ElementType.I16,
        ["int8"] = ElementType.I8,
        ["uint64"] = ElementType.U64,
        ["uint32"] = ElementType.U32,
        ["uint16"] = ElementType.U16,
        ["uint8"] = ElementType.U8,
        ["bool"] = ElementType.BOOL,
        ["complex64"] = ElementType.C64,
        ["complex128"] = ElementType.C128,
        ["float8_e4m3fn"] = ElementType.F8_E4M3,
        ["float8_e5m2"] = ElementType.F8_E5M2,
        ["float8_e8m0fnu"] = ElementType.F8_E8M0,
    }.ToFrozenDictionary();

    /// <summary>Name to meaning: a <see cref="PickleFunction"/>, a <see cref="StorageType"/> or an <see cref="ElementType"/>.</summary>
    public static FrozenDictionary<string, object> Table { get; } = MakeTable();

    private static FrozenDictionary<string, object> MakeTable()
    {
        var globals = new Dictionary<string, object>
        {
            ["collections.OrderedDict"] = (PickleFunction)Dictionary,
            ["torch.Size"] = (PickleFunction)Only<object?[]>,
            ["torch._utils._rebuild_tensor"] = (PickleFunction)Tensor,
            ["torch._utils._rebuild_tensor_v2"] = (PickleFunction)Tensor,
            ["torch._utils._rebuild_tensor_v3"] = (PickleFunction)Tensor,
            ["torch._utils._rebuild_parameter"] = (PickleFunction)Parameter,
            ["torch._utils._rebuild_parameter_with_state"] = (PickleFunction)Parameter,
            ["torch.nn.parameter.Parameter"] = (PickleFunction)Parameter,
            ["torch._tensor._rebuild_from_type_v2"] = (PickleFunction)FromType,
            ["torch.Tensor"] = "torch.Tensor",
            ["torch._tensor.Tensor"] = "torch.Tensor",
            // Protocol 2 encodes bytes as a text, which Latin-1 decodes.
            ["_codecs.encode"] = (PickleFunction)Encode,
        };
        foreach (string builtins in (string[])["__builtin__", "builtins"])
        {
            globals[$"{builtins}.set"] = (PickleFunction)Set;
            globals[$"{builtins}.frozenset"] = (PickleFunction)Set;
            globals[$"{builtins}.bytearray"] = (PickleFunction)Only<byte[]>;
        }
        foreach ((string name, ElementType type) in ElementTypeOf)
        {
            globals[$"torch.{name}Storage"] = new StorageType(type);
            globals[$"torch.storage.{name}Storage"] = new StorageType(type);
            globals[$"torch.cuda.{name}Storage"] = new StorageType(type);
            // Tensor classes of 2017; their state follows in BUILD.
            globals[$"torch.{name}Tensor"] = (PickleFunction)((_, _) => new PickledTensor());
            globals[$"torch.cuda.{name}Tensor"] = globals[$"torch.{name}Tensor"];
        }
        foreach ((string name, ElementType type) in DtypeOf)
            globals[$"torch.{name}"] = type;
        return globals.ToFrozenDictionary();
    }

    /// <summary>(storage, offset, size, stride, ...); version 3 names the element type of an untyped storage as 7th argument.</summary>
    public static TensorView Rebuild(ReadOnlySpan<object?> arguments, FileBudget budget)
    {
        if (arguments is not [StorageReference storage, long offset, object?[] shape, object?[] strides, ..])
            throw new InvalidDataException("a tensor is not made of a storage, an offset, a shape and strides");
        budget.Charge(4 * FileBudget.Object + 12L * shape.Length);
        ElementType type = arguments is [_, _, _, _, _, _, ElementType element, ..] ? element : storage.Type;
        return TensorView.Create(storage, type, offset, shape, strides);
    }

    private static object Tensor(ReadOnlySpan<object?> arguments, FileBudget budget) => arguments switch
    {
        // A storage or an element type of a later PyTorch.
        [PickleOpaque storage, ..] => new PickleOpaque($"tensor of {storage.Name}"),
        [_, _, _, _, _, _, PickleOpaque type, ..] => new PickleOpaque($"tensor of {type.Name}"),
        _ => new PickledTensor { View = Rebuild(arguments, budget) },
    };

    private static object Parameter(ReadOnlySpan<object?> arguments, FileBudget budget) => arguments switch
    {
        [] => new PickledTensor { IsParameter = true },
        [PickledTensor { View: { } view }, ..] => new PickledTensor { View = view, IsParameter = true },
        [PickleOpaque opaque, ..] => opaque,
        _ => throw new InvalidDataException("a parameter is not made of a tensor"),
    };

    /// <summary>A tensor with attributes, or of a subclass: (function, class, its arguments, attributes).</summary>
    private static object FromType(ReadOnlySpan<object?> arguments, FileBudget budget) => arguments switch
    {
        [PickleOpaque opaque, ..] => new PickleOpaque(opaque.Name) { Arguments = arguments.ToArray() },
        [PickleFunction rebuild, _, object?[] inner, ..] when rebuild == Tensor || rebuild == Parameter => rebuild(inner, budget),
        _ => throw new InvalidDataException("a tensor is not made by a function that rebuilds tensors"),
    };

    private static PickleDictionary Dictionary(ReadOnlySpan<object?> arguments, FileBudget budget)
    {
        budget.Charge(PickleDictionary.Units);
        var dictionary = new PickleDictionary();
        // Python 2 passes the pairs at once.
        foreach (object? pair in arguments is [List<object?> pairs] ? pairs : arguments is [] ? [] : throw Arguments())
        {
            if (pair is not (List<object?> and [_, _] or object?[] and [_, _]))
                throw Arguments();
            var (key, value) = pair is List<object?> list ? (list[0], list[1]) : (((object?[])pair)[0], ((object?[])pair)[1]);
            dictionary.Set(key, value, budget);
        }
        return dictionary;
    }

    private static PickleSet Set(ReadOnlySpan<object?> arguments, FileBudget budget)
    {
        budget.Charge(PickleSet.Units);
        var set = new PickleSet();
        foreach (object? item in arguments is [List<object?> items] ? items : arguments is [] ? [] : throw Arguments())
            set.Add(item, budget);
        return set;
    }

    private static byte[] Encode(ReadOnlySpan<object?> arguments, FileBudget budget)
    {
        if (arguments is not [string text, "latin1" or "latin-1"])
            throw Arguments();
        budget.Charge(FileBudget.Object + text.Length);
        return Encoding.Latin1.GetBytes(text);
    }

    private static object Only<T>(ReadOnlySpan<object?> arguments, FileBudget budget) where T : class =>
        arguments is [T value] ? value : throw Arguments();

    private static InvalidDataException Arguments() => new("a known function is called with arguments it does not take");
}
