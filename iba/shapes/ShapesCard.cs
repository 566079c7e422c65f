using System.Text.Json;
using System.Text.Json.Serialization;
using Iba.Datasets;
using Iba.Engine.Files;

namespace Iba.Shapes;

/// <summary>The content of <c>dataset.json</c>, which describes a folder of shapes.</summary>
/// <param name="Version"><see cref="ShapesDataset.Version"/> at the time of writing.</param>
/// <param name="Seed">The seed of all pictures.</param>
/// <param name="Size">Width and height of a picture, pixels.</param>
/// <param name="Count">The requested number of images, numbered from 0.</param>
/// <param name="Complete">Whether all images are written; false during writing and after a cancellation.</param>
/// <param name="Classes">Class names; label = position.</param>
public sealed record ShapesCard(int Version, ulong Seed, int Size, int Count, bool Complete, IReadOnlyList<string> Classes)
{
    private const int MaxBytes = 1 << 16;
    private const string NextStep = "Name a folder that `iba dataset shapes` wrote";

    /// <summary>The card's file name in the data set's folder.</summary>
    public const string FileName = "dataset.json";

    /// <summary>Reads the card of a folder.</summary>
    /// <exception cref="DatasetException">There is no card, or it does not describe a shapes data set.</exception>
    public static ShapesCard Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            // Opening a pipe would wait for its writer.
            if (FileStatus.Of(path) is { Type: not FileType.Regular })
                throw new DatasetException(path, "not the card of a shapes data set", NextStep);
            using FileStream file = File.OpenRead(path);
            return file.Length <= MaxBytes && JsonSerializer.Deserialize(file, ShapesJson.Default.ShapesCard) is { Classes: not null } card
                ? card
                : throw new DatasetException(path, "not the card of a shapes data set", NextStep);
        }
        catch (JsonException e)
        {
            throw new DatasetException(path, $"not the card of a shapes data set ({e.Message.TrimEnd('.')})", NextStep, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(path, $"the card cannot be read ({e.Message.TrimEnd('.')})", NextStep, e);
        }
    }

    internal void Write(string folder, CancellationToken cancel)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this, ShapesJson.Default.ShapesCard);
        AtomicFile.Write(Path.Combine(folder, FileName), [.. json, (byte)'\n'], cancel);
    }

    /// <summary>Whether image n is the same in both folders.</summary>
    internal bool DrawsTheSameAs(ShapesCard other) =>
        (Version, Seed, Size) == (other.Version, other.Seed, other.Size) && Classes.SequenceEqual(other.Classes);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ShapesCard))]
internal sealed partial class ShapesJson : JsonSerializerContext;
