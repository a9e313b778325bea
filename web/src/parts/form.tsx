// Fields of the forms: each with its label, completed from the snapshot.

import { Button, ComboBox, Input, Label, ListBox, ListBoxItem, Popover } from 'react-aria-components'
import { useState } from 'react'
import { useGet, type Query } from '../api'
import { EntityName } from './entity'
import { useRested } from './search-field'

/** One of some. */
export function Choice({ label, value, onChange, options }: { label: string; value: string; onChange: (value: string | null) => void; options: [value: string, name: string][] }) {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value || null)}>
        <option value="">any</option>
        {options.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

/** An entity, by its name; what is typed counts as well. */
export function EntityField({ label, value, onChange, type, hint }: { label: string; value: string; onChange: (value: string) => void; type?: Query<'/search'>['type']; hint?: string }) {
  const [text, setText] = useState(value)
  const asked = useRested(text.trim())
  const found = useGet('/search', { q: asked, limit: 12, type }, { enabled: asked !== '', keep: true })
  const items = (found.data?.items ?? []).map((hit) => ({ ...hit, id: hit.entity.id }))
  return (
    <ComboBox
      className="field combo"
      allowsCustomValue
      menuTrigger="input"
      items={items}
      inputValue={text}
      onInputChange={(next) => {
        setText(next)
        onChange(next)
      }}
      onSelectionChange={(key) => {
        const hit = items.find((item) => item.id === key)
        if (hit) {
          setText(hit.entity.id)
          onChange(hit.entity.id)
        }
      }}
      defaultFilter={() => true}
    >
      <Label>{label}</Label>
      <div className="combo-box">
        <Input placeholder={hint} spellCheck={false} autoComplete="off" />
        <Button aria-label={`Show what is called so: ${label}`}>▾</Button>
      </div>
      <Popover className="popover">
        <ListBox<(typeof items)[number]>>
          {(item) => (
            <ListBoxItem id={item.id} textValue={item.entity.id} className="option">
              <EntityName entity={item.entity} />
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  )
}

/** An IAM action, completed from the catalogue. */
export function ActionField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value)
  const asked = useRested(text.trim())
  const found = useGet('/actions', { q: asked, limit: 20 }, { enabled: asked.length > 1, keep: true })
  const items = (found.data ?? []).map((id) => ({ id }))
  return (
    <ComboBox
      className="field combo"
      allowsCustomValue
      menuTrigger="input"
      items={items}
      inputValue={text}
      onInputChange={(next) => {
        setText(next)
        onChange(next)
      }}
      onSelectionChange={(key) => {
        if (key !== null) {
          setText(String(key))
          onChange(String(key))
        }
      }}
      defaultFilter={() => true}
    >
      <Label>Action</Label>
      <div className="combo-box">
        <Input placeholder="s3:GetObject" spellCheck={false} autoComplete="off" />
        <Button aria-label="Show actions">▾</Button>
      </div>
      <Popover className="popover">
        <ListBox<{ id: string }>>
          {(item) => (
            <ListBoxItem id={item.id} textValue={item.id} className="option">
              <code>{item.id}</code>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  )
}
