using Engine.Files;
using Engine.Networks;
using Engine.Optimizers;
using Engine.Tensors;

namespace Engine.Training;

/// <summary>
/// Training, put aside: parameters, optimizer state and the number of steps done, in one safetensors file that appears whole or not at
/// all. Going on from it gives the bits that an undisturbed run would have given.
/// </summary>
/// <remarks>
/// Settings are lines that say what the result depends on, in the order in which training came to them. A checkpoint holds those it came to, so
/// that stages it has not begun may be changed or added.
/// </remarks>
/// <param name="network">What learns.</param>
/// <param name="optimizer">Of the network's parameters.</param>
public sealed class Checkpoint(Network network, IOptimizer optimizer)
{
    private const string StepKey = "step", SettingsKey = "settings";

    private IEnumerable<(string Name, Tensor Data)> Tensors =>
    [
        .. network.Parameters.Select(parameter => (parameter.Name, parameter.Data)),
        .. optimizer.State.Select((state, i) => ($"optimizer.{i}", state)),
    ];

    /// <summary>Writes the file.</summary>
    /// <param name="path">An older checkpoint there is replaced at the end.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="settings">The lines come to so far.</param>
    public void Save(string path, long step, IEnumerable<string> settings) => SafetensorsFile.Write(
        path,
        [.. Tensors.Select(tensor => new SafetensorsTensor(tensor.Name, [.. tensor.Data.Shape.Dims], Download(tensor.Data)))],
        new Dictionary<string, string> { [StepKey] = $"{step}", [SettingsKey] = string.Join('\n', settings) });

    /// <summary>Reads the file back into network and optimizer.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">All lines of the training that goes on from it.</param>
    /// <returns>Steps done.</returns>
    /// <exception cref="FileFormatException">It is no checkpoint, or one of other settings.</exception>
    public long Load(string path, IReadOnlyList<string> settings)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(StepKey, out string? text) || !long.TryParse(text, out long step) || step < 0)
            throw new FileFormatException(path, "it is no checkpoint of training: it does not say its step", "Choose another file.");
        string[] past = file.Metadata.GetValueOrDefault(SettingsKey, "").Split('\n');
        if (past.Where((line, i) => i >= settings.Count || line != settings[i]).FirstOrDefault() is { } other)
            throw new FileFormatException(path, $"it belongs to training with other settings ({other}, not {string.Join("; ", settings)})", "Delete it to start anew, or use its settings.");
        foreach ((string name, Tensor data) in Tensors)
        {
            if (!file[name].Shape.AsSpan().SequenceEqual(data.Shape.Dims))
                throw new FileFormatException(path, $"tensor {file[name]} should be {data.Shape}", "Delete it to start anew.");
            network.Backend.Upload(file.ReadFloats(name), data);
        }
        return step;
    }

    private float[] Download(Tensor tensor)
    {
        var values = new float[tensor.Shape.Count];
        network.Backend.Download(tensor, values);
        return values;
    }
}
